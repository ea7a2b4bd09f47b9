"""Other programs' forms of a trained model: what they read (ONNX, a page of HTML), and what is read of theirs.

exported_model.py    what every export begins with: the canonical weights, the tokenizer, what is known of the model
onnx.py html/   the forms that are written
torch_weights.py keras_weights.py hdf5.py    the forms that are read, as arrays
stack.py        from such arrays to the canonical form
vocabulary.py   which token each of their rows stands for, and the tokenizer that knows it
adopt.py        an imported model as a version in the registry
"""
