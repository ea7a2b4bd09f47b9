"""A character model as one finds them in tutorials, trained for a moment, and saved so that seqgen can import it.

python save_lstm.py novel.txt
"""

import json
import sys
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor, nn


class CharLSTM(nn.Module):
    def __init__(self, size: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(size, 32)
        self.lstm = nn.LSTM(32, 128, batch_first=True)
        self.fc = nn.Linear(128, size)

    def forward(self, ids: Tensor) -> Tensor:
        logits: Tensor = self.fc(self.lstm(self.embedding(ids))[0])
        return logits


torch.manual_seed(0)
text = Path(sys.argv[1]).read_text("utf-8")
chars = sorted(set(text), key=text.index)
data = torch.tensor([chars.index(char) for char in text])
model = CharLSTM(len(chars))
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
for _ in range(300):
    starts = torch.randint(len(data) - 65, (32,))
    batch = torch.stack([data[start : start + 65] for start in starts])
    logits = model(batch[:, :-1])
    loss = nn.functional.cross_entropy(logits.flatten(0, 1), batch[:, 1:].flatten())
    optimizer.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    optimizer.step()

save_file(model.state_dict(), "char-lstm.safetensors")
Path("chars.json").write_text(json.dumps(chars), "utf-8")
