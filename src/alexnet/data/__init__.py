"""From files to batches: sources, the one decoding path, splits, the prepared set, the feed and its augmentation."""
