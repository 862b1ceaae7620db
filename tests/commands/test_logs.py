"""What `harness logs` says of every fate of a run."""

import json

from harness.store import Store


def test_a_finished_run_says_where_its_files_lie(call, results):
    code, out, _ = call("logs", results["averaged mlp"][:9])
    assert code == 0
    assert "8gaussians mlp averaged seed 0" in out
    assert "status: ok\n" in out
    assert f"files: results/small/runs/{results['averaged mlp']}\n" in out
    assert "\n  ema.safetensors\n" in out


def test_a_diverged_run_says_at_which_step(call, results):
    found = json.loads(call("logs", results["wild mlp"], "--json")[1])
    assert found["status"] == "diverged"
    assert f"status: diverged at step {found['first_bad_step']}\n" in call("logs", results["wild mlp"])[1]


def test_attempts_and_the_log_are_shown_without_control_characters(call, results):
    store, run_id = Store("results/small"), results["pending mlp"]
    assert "status: pending\n" in call("logs", run_id)[1]
    assert "nothing there yet" in call("logs", run_id)[1]
    for number in range(11):
        store.commit_attempt(run_id, "oom" if number else "failed", f"reason {number}", "Traceback\n\x1b[2J boom\n")
    code, out, _ = call("logs", run_id)
    assert code == 0
    assert "status: oom\n" in out
    assert [line.split(": ")[0] for line in out.splitlines() if line.startswith("attempt")] == [
        f"attempt {n}" for n in range(1, 12)
    ]
    assert "attempt 1: failed: reason 0" in out
    assert "attempt 11: oom: reason 10" in out
    assert out.endswith("log.txt:\nTraceback\n\N{REPLACEMENT CHARACTER}[2J boom\n")
    found = json.loads(call("logs", run_id, "--json")[1])
    assert len(found["attempts"]) == 11
    assert found["facts"] is None


def test_a_wrong_run_is_a_sentence(call, results):
    code, out, err = call("logs", "xyz")
    assert (code, out) == (2, "")
    assert "no run id in results" in err
