"""One rank of training with PyTorch's DistributedDataParallel over gloo. Rank 0 prints one JSON line.

    MASTER_ADDR=10.0.0.1 MASTER_PORT=29500 WORLD_SIZE=2 RANK=0 GLOO_SOCKET_IFNAME=eth0 \\
      python train_ddp.py DIR --data train.csv --steps 20     # torch 2.15.0, transformers 5.23.0

The steps of train_torch.py, with one thread. Each rank has every WORLD_SIZE-th batch of the file.
"""

import argparse
import json
from pathlib import Path

import torch
from torch import distributed
from torch.nn.parallel import DistributedDataParallel
from train_torch import batches, model_of, train


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--data", required=True)
    parser.add_argument("--steps", type=int, default=20, help="how many to time")
    parser.add_argument("--warm-up", type=int, default=2, help="how many to take before")
    parser.add_argument("--batch-size", type=int, default=8, help="of each rank")
    parser.add_argument("--precision", choices=["float32", "bfloat16"], default="float32")
    parser.add_argument("--pad-to", type=int, default=0, help="tokens; default: the longest text of each batch")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(42)
    distributed.init_process_group("gloo")
    ranks, rank = distributed.get_world_size(), distributed.get_rank()
    config = json.loads((arguments.model / "config.json").read_text())
    count = (arguments.warm_up + arguments.steps) * ranks
    data = batches(arguments.model, config, arguments.data, arguments.batch_size, count, arguments.pad_to)
    model = DistributedDataParallel(model_of(arguments.model, config, "sdpa"), gradient_as_bucket_view=True)
    distributed.barrier()
    seconds, losses = train(model, data[rank::ranks], arguments.warm_up, arguments.precision)
    distributed.barrier()
    if rank == 0:
        print(json.dumps(dict(seconds_per_step=seconds / arguments.steps, losses=losses, torch=torch.__version__)))
    distributed.destroy_process_group()


if __name__ == "__main__":
    main()
