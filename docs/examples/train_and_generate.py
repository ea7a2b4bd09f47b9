import seqgen

model = seqgen.train("names", name="ships", preset="small", max_time="20s", progress=False)
print(f"{model.reference}: {model.training_record['bits_per_character']:.2f} bits/character")

for name in model.generate(num_samples=5, random_seed=1):
    print(name)

print("Sea", end="")
for piece in model.stream("Sea", temperature=0.5, random_seed=1):
    print(piece, end="")
print()

score = seqgen.load("ships@best").score("harbour.txt")
print(f"{score.bits_per_character:.2f} bits/character on other names, perplexity {score.perplexity:.2f}")
