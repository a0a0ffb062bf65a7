"""Writes run.json: the losses of ELECTRA's pretraining, generator and discriminator at once, with the models of
`electra-tiny`.

    python make.py            # torch 2.15.0, transformers 5.23.0

Steps of two batches of three texts in the data's order, without dropout, in float64. The two models share their
embeddings; the loss is the generator's mean over the tokens that it fills, plus fifty times the discriminator's over all
tokens (https://github.com/google-research/electra/blob/master/run_pretraining.py). Which tokens are chosen, which of them
are hidden, and what is drawn for them follow from Philox4x32-10 (Salmon et al., SC 2011): the counter is the token's number
in the batch, 0, and the batch's number; the first word chooses, the second hides, the last draws.
"""

import json
import random
from pathlib import Path

import numpy
import torch
from torch.nn import functional
from transformers import AutoTokenizer, ElectraForMaskedLM, ElectraForPreTraining

HERE = Path(__file__).parent
MODELS = HERE.parent / "electra-tiny"
SEED, STEPS, RATE, DECAY, WEIGHT, PROBABILITY, HIDDEN = 5, 12, 2e-3, 0.01, 50.0, 0.3, 0.85
LETTERS = "abcdefghijklmnopqrstuvwxyz"
random.seed(3)


def philox(index, step):
    counter, key = [index, 0, step & 0xFFFFFFFF, step >> 32], [SEED & 0xFFFFFFFF, SEED >> 32]
    for _ in range(10):
        first, second = counter[0] * 0xD2511F53, counter[2] * 0xCD9E8D57
        counter = [
            second >> 32 ^ counter[1] ^ key[0], second & 0xFFFFFFFF, first >> 32 ^ counter[3] ^ key[1],
            first & 0xFFFFFFFF,
        ]
        key = [key[0] + 0x9E3779B9 & 0xFFFFFFFF, key[1] + 0xBB67AE85 & 0xFFFFFFFF]
    return counter


def share(word):
    return numpy.float32(word >> 8) * numpy.float32(2**-24)


def choose(ids, special, step):
    """The chosen tokens, and those of them that the generator does not see."""
    words = [philox(index, step) for index in range(len(ids))]
    chosen = [i for i in range(len(ids)) if not special[i] and share(words[i][0]) < numpy.float32(PROBABILITY)]
    assert chosen
    return words, chosen, [i for i in chosen if share(words[i][1]) < numpy.float32(HIDDEN)]


def draw(logits, word):
    powers = numpy.exp(logits - logits.max())
    return int(numpy.searchsorted(numpy.cumsum(powers), word * 2.0**-32 * powers.sum(), side="right"))


def run(model, ids, lengths):
    """The scores of sequences that stand one after another."""
    return torch.cat([model(input_ids=part[None]).logits[0] for part in torch.tensor(ids).split(lengths)])


def load(kind, name):
    model = kind.from_pretrained(
        MODELS / name, attn_implementation="eager", hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)
    return model.double()


tokenizer = AutoTokenizer.from_pretrained(MODELS / "masked-lm")
generator, discriminator = load(ElectraForMaskedLM, "masked-lm"), load(ElectraForPreTraining, "replaced-token-detection")
generator.electra.embeddings = discriminator.electra.embeddings
generator.tie_weights()
assert generator.generator_lm_head.weight is discriminator.electra.embeddings.word_embeddings.weight
distinct = list({id(value): value for model in (generator, discriminator) for value in model.parameters()}.values())
optimizer = torch.optim.AdamW(
    [
        {"params": [value for value in distinct if value.dim() > 1], "weight_decay": DECAY},
        {"params": [value for value in distinct if value.dim() == 1], "weight_decay": 0.0},
    ],
    lr=RATE, betas=(0.9, 0.999), eps=1e-8,
)

texts = [" ".join(random.choice(LETTERS) for _ in range(random.randrange(4, 15))) for _ in range(6 * STEPS)]
losses, norms, replaced = [], [], 0
for step in range(STEPS):
    of_generator, of_discriminator, filled, tokens = 0.0, 0.0, 0, 0
    for number in (2 * step, 2 * step + 1):
        encoded = [tokenizer(text, return_special_tokens_mask=True) for text in texts[3 * number : 3 * number + 3]]
        ids = [token for one in encoded for token in one["input_ids"]]
        special = [token for one in encoded for token in one["special_tokens_mask"]]
        lengths = [len(one["input_ids"]) for one in encoded]
        words, chosen, hidden = choose(ids, special, number)
        seen = [tokenizer.mask_token_id if index in hidden else token for index, token in enumerate(ids)]
        logits = run(generator, seen, lengths)[chosen]
        of_generator += functional.cross_entropy(logits, torch.tensor([ids[i] for i in chosen]), reduction="sum")
        drawn = list(ids)
        for index, row in zip(chosen, logits.detach().numpy()):
            drawn[index] = draw(row, words[index][3])
        labels = torch.tensor([float(new != old) for new, old in zip(drawn, ids)], dtype=torch.float64)
        scores = run(discriminator, drawn, lengths)
        of_discriminator += functional.binary_cross_entropy_with_logits(scores, labels, reduction="sum")
        filled, tokens, replaced = filled + len(chosen), tokens + len(ids), replaced + int(labels.sum())
    loss = of_generator / filled + WEIGHT * of_discriminator / tokens
    optimizer.zero_grad()
    loss.backward()
    norms.append(float(torch.nn.utils.clip_grad_norm_(distinct, 1.0)))
    optimizer.step()
    losses.append(loss.item())

document = {
    "seed": SEED, "learning_rate": RATE, "weight_decay": DECAY, "discriminator_weight": WEIGHT,
    "mlm_probability": PROBABILITY, "replaced": replaced, "texts": texts, "losses": losses, "gradient_norms": norms,
}
(HERE / "run.json").write_text(json.dumps(document, indent=1) + "\n")
print(losses, norms, replaced)
