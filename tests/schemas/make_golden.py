"""Write the golden bytes of the versions written today that are missing: `python -m tests.schemas.make_golden`.

Bytes once written are never written again, since bytes like them lie in people's topics: should a test say that they
no longer decode, or are no longer what is written, then it is the change that is wrong. Only before the first release
may a file be deleted and written anew.
"""

from pathlib import Path

from tests.schemas.examples_v1 import EXAMPLES

FOLDER = Path(__file__).parent / "golden"
BYTES_PER_LINE = 32


def path(name: str, version: int) -> Path:
    return FOLDER / f"{name}.v{version}.hex"


def read(name: str, version: int) -> bytes:
    return bytes.fromhex(path(name, version).read_text("ascii"))


def main() -> None:
    for name, example in EXAMPLES.items():
        file = path(name, example.version)
        if file.exists():
            continue
        value = example.encode(example.value)
        lines = [value[at : at + BYTES_PER_LINE].hex() for at in range(0, len(value), BYTES_PER_LINE)]
        file.write_text("\n".join(lines) + "\n", "ascii")
        print(f"wrote {file.name}, {len(value)} bytes")


if __name__ == "__main__":
    main()
