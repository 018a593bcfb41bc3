"""`ytvos-bench pipeline` at tiny sizes. No timings are asserted."""

import json

from ytvos_keras.bench.pipeline import ANNOTATED, ANY, BARE, _lead
from ytvos_keras.cli.bench import main

TINY = (
    *("--source", "60x90", "--size", "32x48", "--videos", "2", "--frames", "12"),
    *("--clip-length", "3", "--batch-size", "2", "--round-clips", "4", "--clips", "20"),
    *("--parallel", "1", "--repeats", "2", "--warmup", "1"),
)


def test_pipeline(tmp_path, capsys):
    path = tmp_path / "pipeline.json"
    assert main(["pipeline", *TINY, "--quiet", "--json", str(path)]) == 0
    content = json.loads(path.read_text())
    assert [row["pipeline"] for row in content["rows"]] == [BARE, ANY, ANNOTATED]
    given = {"videos": 2, "frames": 12, "round_clips": 4, "warmup": 1, "repeats": 2}
    assert content["settings"].items() >= {"source": [60, 90], **given}.items()
    assert len(content["comparisons"]) == 2 and content["ratio"] > 0
    assert set(content["figures"]) <= {"memory_at_first_mb", "memory_at_last_mb"}
    assert f"{content['ratio']:.2f} times as fast" in capsys.readouterr().out


def test_more_batches_are_used_up_than_a_stream_holds():
    assert _lead(parallel=1, batch_size=4) == 4
    assert _lead(parallel=64, batch_size=4) == 19
    assert _lead(parallel=65, batch_size=4) == 20
