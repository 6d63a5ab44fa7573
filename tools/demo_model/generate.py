"""Print generated conversations, to be read.

Usage: python -m tools.demo_model.generate --count 5 --seed 1 [--replies]
"""

import argparse
import itertools

from tools.demo_model.conversations import conversations


def main() -> None:
    """Print conversations, or only the last exchange of each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=5)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--replies", action="store_true", help="only the last exchange of each")
    chosen = parser.parse_args()
    for sample in itertools.islice(conversations(chosen.seed), chosen.count):
        if chosen.replies:
            asked = sample.lines[-2].text if len(sample.lines) > 1 else ""
            answer = sample.lines[-1]
            print(f"[{sample.length}] {asked!r}\n  {answer.name}: {answer.text}\n")
        else:
            print(sample.text(), "\n", "=" * 80, sep="")


if __name__ == "__main__":
    main()
