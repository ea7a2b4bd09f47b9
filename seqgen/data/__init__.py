"""From documents to batches, whatever the framework: the token store, the split and the batching modes."""
