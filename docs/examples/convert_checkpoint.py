"""The weights of a PyTorch checkpoint as safetensors, for a file that you trust.

python convert_checkpoint.py net.pt net.safetensors
"""

import sys

import torch
from safetensors.torch import save_file

saved = torch.load(sys.argv[1], map_location="cpu", weights_only=True)
weights = saved.get("state_dict", saved.get("model", saved))  # alone, or beside what else a training keeps
# Copies, for tied weights share their memory, which safetensors does not write.
save_file({name: tensor.clone().contiguous() for name, tensor in weights.items()}, sys.argv[2])
