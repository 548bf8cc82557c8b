"""How fast is it here, and beside whom? What `alexnet bench` measures: ours and peers in turn, on this machine."""
