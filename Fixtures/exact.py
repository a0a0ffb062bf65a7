"""Makes classes of transformers compute in double precision all the way, which go back to single precision on the way.

transformers 5.23.0. ModernBERT's attention has a softmax and a rotation in float32 whatever its numbers are; its mask, the
lowest float64, is then -inf, and a padding token that sees padding alone becomes NaN.
"""

import torch
from transformers.models.modernbert import modeling_modernbert
from transformers.models.nomic_bert import modeling_nomic_bert

softmax = torch.nn.functional.softmax


def softmax_as_given(x, dim=None, _stacklevel=3, dtype=None):
    return softmax(x, dim=dim)


def compute_exactly():
    torch.nn.functional.softmax = softmax_as_given
    # The same rotation without the casts.
    modeling_modernbert.apply_rotary_pos_emb = modeling_nomic_bert.apply_rotary_pos_emb
