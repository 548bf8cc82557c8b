"""Which loops are worth writing by hand? Those that pass over memory too often when made of torch's own operations.

Each is a C file beside the Python file of the same name. The machine's own compiler makes it when it is first wanted,
in about a second, and keeps it in the cache; where there is no compiler, torch's operations do the same work more
slowly. ALEXNET_KERNELS=off turns all of them off. No kernel adds up over pictures or threads, so that what comes does
not depend on how many threads there are.
"""
