"""Checks that the Hub's own library reads the metadata of model cards; check.py does so for exports.

    python check_card.py CHECKPOINT…            # huggingface_hub 2.4.0
"""

import sys
from pathlib import Path

from huggingface_hub import ModelCard, metadata_load


def read(directory):
    path = Path(directory, "README.md")
    metadata, card = metadata_load(path), ModelCard.load(path)
    # A folder of sentence-transformers stays one until it gets another head.
    makes_vectors = metadata.get("pipeline_tag") in ("sentence-similarity", "feature-extraction")
    is_folder = makes_vectors and Path(directory, "modules.json").exists()
    library = "sentence-transformers" if is_folder else "transformers"
    assert metadata["library_name"] == library, metadata
    # A repository, or not named at all.
    assert metadata.get("base_model", "org/name").count("/") <= 1, metadata
    results = card.data.eval_results or []
    assert bool(results) == ("model-index" in metadata), metadata
    for result in results:
        assert result.task_type == metadata["pipeline_tag"] and isinstance(result.metric_value, float), result
    assert {result.metric_type for result in results} == set(metadata.get("metrics", [])), metadata
    # What is written from it reads back the same.
    assert ModelCard(str(card)).data.to_dict() == card.data.to_dict()
    return f"{metadata.get('pipeline_tag')}, {len(results)} results"


if __name__ == "__main__":
    for directory in sys.argv[1:]:
        print(f"ok: {directory}: {read(directory)}")
