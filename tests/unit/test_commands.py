"""The commands that need no engine: plans, words, keys, doctor, screen."""

import json
import re
from pathlib import Path

import pytest
import yaml

from tests.behaviour.test_demo import run

GOOD = Path(__file__).resolve().parent.parent.parent / "demo" / "plans" / "maya.yml"


@pytest.fixture
def practice(tmp_path: Path) -> Path:
    """A data folder with the made-up practice in it."""
    done = run("practice", "load", str(GOOD.parent.parent / "practice.yml"), folder=tmp_path)
    assert done.returncode == 0, done.stderr
    return tmp_path


def test_a_wrong_plan_gets_every_error_at_once_and_stores_nothing(practice: Path) -> None:
    before = run("plan", "show", "maya", folder=practice).stdout
    wrong = yaml.safe_load(GOOD.read_text())
    wrong["language"] = "klingon"
    wrong["reasons"] = "because"
    wrong["triggers"][1]["skills"] = ["levitation"]
    wrong["people"][0]["phone"] = "ask him"
    wrong["reazons"] = []
    del wrong["after_lapse"]
    file = practice / "wrong.yml"
    file.write_text(yaml.safe_dump(wrong))

    done = run("plan", "import", str(file), "--client", "maya", folder=practice)

    assert done.returncode == 2
    told = done.stderr.splitlines()
    paths = {line.split(":")[0] for line in told}
    assert paths == {"language", "reasons", "triggers[1].skills[0]", "people[0].phone", "reazons", "after_lapse"}
    assert all(len(line.split(": ", 1)[1]) > 10 for line in told), "each fault says what is expected"
    assert run("plan", "show", "maya", folder=practice).stdout == before


@pytest.mark.parametrize("text", ["", "[]", "just words", "a: [", "a: *nothing", "\x00"])
def test_files_that_are_no_plan_are_refused_in_words(practice: Path, text: str) -> None:
    file = practice / "odd.yml"
    file.write_text(text)
    done = run("plan", "import", str(file), "--client", "maya", folder=practice)
    assert done.returncode == 2
    assert done.stderr.strip()
    assert "Traceback" not in done.stderr


def test_versions_count_up_and_show_can_be_imported_again(practice: Path) -> None:
    plan = yaml.safe_load(GOOD.read_text())
    plan["reasons"].append("I promised the dog")
    file = practice / "next.yml"
    file.write_text(yaml.safe_dump(plan))
    assert "version 2" in run("plan", "import", str(file), "--client", "maya", folder=practice).stdout
    assert "version 2" in run("plan", "import", str(file), "--client", "maya", folder=practice).stdout

    shown = run("plan", "show", "maya", folder=practice).stdout
    assert "I promised the dog" in shown
    file.write_text(shown)
    assert "version 2" in run("plan", "import", str(file), "--client", "maya", folder=practice).stdout


def test_the_service_refuses_unsigned_safety_words_until_they_are_signed(practice: Path) -> None:
    examined = run("doctor", folder=practice)
    assert examined.returncode == 2
    assert "content show --kind safety" in examined.stdout
    assert "content sign" in examined.stdout

    signed = run("content", "sign", "--by", "Dr. Okafor", "--yes", folder=practice)
    assert "signed by Dr. Okafor" in signed.stdout
    listed = run("content", "list", "--kind", "safety", folder=practice).stdout.splitlines()
    assert listed
    assert all("signed by Dr. Okafor" in line for line in listed)
    assert "all signed" in run("doctor", folder=practice).stdout


def test_keys_are_rotated_and_everything_still_opens(practice: Path) -> None:
    before = run("plan", "show", "theo", folder=practice).stdout
    done = run("keys", "rotate", folder=practice)
    assert done.returncode == 0, done.stderr
    ring = (practice / "data-keys").read_text().splitlines()
    assert len(ring) == 2
    (practice / "data-keys").write_text(ring[0] + "\n")
    assert run("plan", "show", "theo", folder=practice).stdout == before, "the old key is needed no more"


def test_screen_reads_lines_and_goes_on_after_a_broken_one(tmp_path: Path) -> None:
    given = "\n".join(
        [
            json.dumps({"id": "a", "text": "I can't do this anymore, I want to die", "role": "client"}),
            "not json",
            json.dumps({"id": "b"}),
            json.dumps({"id": "c", "text": "my son wont wake up", "role": "family"}),
            json.dumps({"id": 4, "text": "this homework is killing me", "role": "client"}),
            json.dumps({"id": "e", "text": "\ud800 i want to die \x00", "role": "nobody"}),
        ]
    )
    done = run("screen", given=given, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [row["id"] for row in rows] == ["a", None, "b", "c", 4, "e"]
    assert rows[0]["findings"][0] | {"rule": "", "matched": ""} == {
        "kind": "suicide", "level": "definite", "net": "screen", "rule": "", "matched": "",
    }  # fmt: skip
    assert "error" in rows[1]
    assert "error" in rows[2]
    assert rows[3]["findings"][0]["kind"] == "overdose"
    assert rows[4]["findings"] == []
    assert rows[5]["findings"][0]["kind"] == "suicide"


def test_wrong_settings_are_named_with_what_to_put_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HANDRAIL_COUNTRY", "Atlantis")
    monkeypatch.setenv("HANDRAIL_KEYS", "abc")
    done = run("doctor", folder=tmp_path)
    assert done.returncode == 2
    assert "HANDRAIL_COUNTRY: give a country as two letters" in done.stdout
    assert "HANDRAIL_KEYS: key 1" in done.stdout
    assert run("run", folder=tmp_path).returncode == 2


def test_an_old_database_without_its_key_is_refused_and_gets_no_new_one(practice: Path) -> None:
    keys = practice / "data-keys"
    kept = keys.read_bytes()
    keys.unlink()
    for command in (
        ("content", "list"),
        ("keys", "new"),
        ("plan", "show", "maya"),
        ("staff", "add", "bo", "--name", "Bo"),
    ):
        done = run(*command, folder=practice)
        assert done.returncode == 2
        assert "does not hold: put the right key file there" in done.stderr
        assert "keys new" not in done.stderr
        assert not keys.exists(), "a key that opens nothing must not lie there as if it were the right one"
    examined = run("doctor", folder=practice).stdout
    (told,) = [line for line in examined.splitlines() if "encryption keys" in line]
    assert told.startswith("MEND")
    assert "put the right key file there" in told
    assert "keys new" not in told
    keys.write_text("00112233445566aa:" + "A" * 43 + "=\n")
    keys.chmod(0o600)
    assert "MEND  database" in run("doctor", folder=practice).stdout
    keys.write_bytes(kept)
    assert run("plan", "show", "maya", folder=practice).returncode == 0


def test_a_database_with_nobody_in_it_gets_no_second_key_either(tmp_path: Path) -> None:
    run("content", "sign", "--by", "Dr. Okafor", "--yes", folder=tmp_path)
    (tmp_path / "data-keys").unlink()
    done = run("keys", "new", folder=tmp_path)
    assert done.returncode == 2
    assert "handrail.db is there already: put the key file there with which it was made" in done.stderr
    assert not (tmp_path / "data-keys").exists()


def test_what_a_command_writes_is_for_its_owner_alone(practice: Path) -> None:
    modes = {path.name: path.stat().st_mode & 0o077 for path in (practice / "data").rglob("*") if path.is_file()}
    assert modes
    assert not any(modes.values()), modes


def test_nobody_signs_without_a_name(practice: Path) -> None:
    done = run("content", "sign", "--by", "  ", "--yes", folder=practice)
    assert done.returncode == 2
    assert "needs a name" in done.stderr
    assert "signed by" not in run("content", "list", folder=practice).stdout


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("time_zone: America/Los_Angeles", "time_zone: America/Los_Angelos", "IANA name, such as America/Chicago"),
        ('check_in_at: "09:00"', 'check_in_at: "25:00"', "from 00:00 to 23:59"),
    ],
)
def test_a_practice_file_with_a_wrong_time_is_refused_in_words(tmp_path: Path, old: str, new: str, told: str) -> None:
    text = (GOOD.parent.parent / "practice.yml").read_text()
    assert old in text
    file = tmp_path / "practice.yml"
    file.write_text(text.replace(old, new))
    done = run("practice", "load", str(file), folder=tmp_path)
    assert done.returncode == 2
    assert told in done.stderr
    assert "Traceback" not in done.stderr


def test_looking_makes_nothing(tmp_path: Path) -> None:
    listed = run("content", "list", "--kind", "safety", folder=tmp_path)
    assert listed.returncode == 0, listed.stderr
    assert all("draft" in line for line in listed.stdout.splitlines())
    assert run("keys", "new", folder=tmp_path).returncode == 0
    looked = run("doctor", folder=tmp_path)
    assert "there is none yet" in looked.stdout
    assert "to be signed" in looked.stdout
    assert not list(tmp_path.rglob("*.db")), "neither listing the texts nor the doctor makes a database"


def test_texts_are_shown_as_people_read_them(practice: Path) -> None:
    shown = run("content", "show", "--kind", "safety", "--language", "en", folder=practice)
    assert shown.returncode == 0, shown.stderr
    assert "safety.suicide.definite.self (en)" in shown.stdout
    assert "(es)" not in shown.stdout
    assert "draft; sources: " in shown.stdout
    assert "  says: I'm with you. Do this now. Call 911" in shown.stdout
    assert "  then: Breathe for them." in shown.stdout
    assert "call 911" in shown.stdout
    assert "988 (call or text)" in shown.stdout
    assert not re.search(r"\{(?:emergency|crisis|poison|violence|practice|hours|phone)\}", shown.stdout)


def test_texts_are_shown_with_the_lines_of_the_practices_country(
    practice: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "safety.suicide.definite.self"
    run("content", "sign", text, "--by", "Dr. Okafor", "--yes", folder=practice)
    monkeypatch.setenv("HANDRAIL_COUNTRY", "GB")
    shown = run("content", "show", text, folder=practice).stdout
    assert "the lines of GB" in shown
    assert "call 999" in shown
    assert "116 123" in shown
    assert "signed by Dr. Okafor" in shown
    monkeypatch.setenv("HANDRAIL_COUNTRY", "FR")
    shown = run("content", "show", text, folder=practice).stdout
    assert "FR has no lines" in shown
    assert "your local emergency number" in shown


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (("safety.nothing",), "No text is called safety.nothing"),
        (("--kind", "saftey"), "--kind saftey: there is none; give one of family"),
        (("--language", "fr"), "--language fr: there is none; give one of en, es"),
    ],
)
def test_texts_that_there_are_not_are_told(tmp_path: Path, asked: tuple[str, ...], told: str) -> None:
    done = run("content", "show", *asked, folder=tmp_path)
    assert done.returncode == 2
    assert told in done.stderr


def test_a_key_that_is_made_on_the_way_is_spoken_of(tmp_path: Path) -> None:
    made = run("staff", "add", "ruth", "--name", "Ruth Calloway", folder=tmp_path)
    assert made.returncode == 0, made.stderr
    assert f"{tmp_path / 'data-keys'} holds a new key. Keep a copy apart from the database" in made.stderr
    again = run("staff", "add", "sam", "--name", "Sam Doe", folder=tmp_path)
    assert "Keep a copy" not in again.stderr


def test_a_key_file_that_cannot_be_written_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HANDRAIL_KEY_FILE", "/proc/nowhere/keys")
    done = run("keys", "new", folder=tmp_path)
    assert done.returncode == 2
    assert "the key file /proc/nowhere/keys cannot be written" in done.stderr
    assert "Traceback" not in done.stderr


ROTA = """\
time_zone: America/Los_Angeles
supervisors: [ruth]
shifts:
  - {who: ruth, from: "08:00", until: "20:00"}
  - {who: sam, from: "20:00", until: "06:00"}
"""


def test_a_rota_is_checked_put_in_force_and_overridden(practice: Path) -> None:
    assert "There is no rota" in run("rota", "show", folder=practice).stdout
    file = practice / "rota.yml"
    file.write_text(ROTA.replace("who: sam", "who: samm").replace("20:00", "24:00"))
    wrong = run("rota", "check", str(file), folder=practice)
    assert wrong.returncode == 2
    assert "shift 1 until: '24:00' is no time" in wrong.stderr
    file.write_text(ROTA)
    done = run("rota", "import", str(file), folder=practice)
    assert "in force as version 1" in done.stdout, done.stderr
    assert "Nobody is on call from" in done.stdout
    assert "06:00 to" in done.stdout
    refused = run(
        "rota", "override", "sam", "--from", "2026-12-24T20:00", "--until", "2026-12-23T20:00", folder=practice
    )
    assert refused.returncode == 2
    assert "override 1: it ends before it begins" in refused.stderr
    done = run("rota", "override", "sam", "--from", "2099-12-24T20:00", "--until", "2099-12-25T20:00", folder=practice)
    assert "version 2" in done.stdout, done.stderr
    shown = run("rota", "show", folder=practice).stdout
    assert "NOBODY" in shown
    assert "ruth" in shown


def test_policies_are_shown_as_they_can_be_imported(practice: Path) -> None:
    shown = run("policy", "show", folder=practice).stdout
    assert "danger: {steps: [{after: 0, who: interventionist, how: [message, call]}, {after: 5, who: on_call" in shown
    assert "lapse: {steps: [{after: 0, who: interventionist}, {after: 120, who: on_call}]" in shown
    file = practice / "policies.yml"
    file.write_text(shown.replace("{after: 5, who: on_call, ", "{after: 3, who: supervisor, ", 1))
    assert "version 1" in run("policy", "import", str(file), folder=practice).stdout
    assert "{after: 3, who: supervisor, how: [message, call]}" in run("policy", "show", folder=practice).stdout
    file.write_text("danger: {steps: [], repeat: 0}\n")
    wrong = run("policy", "import", str(file), folder=practice)
    assert wrong.returncode == 2
    assert len(wrong.stderr.splitlines()) == 2


def test_a_quiet_practice_is_on_time_and_has_nothing_to_review(practice: Path) -> None:
    assert run("client", "risk", "maya", folder=practice).stdout == "steady: nothing stands out\n"
    assert "no client is called ruth" in run("client", "risk", "ruth", folder=practice).stderr
    assert "There is no alert 1" in run("review", "1", folder=practice).stderr
    done = run("audit", folder=practice)
    assert "All is on time" in done.stdout or "looks at clients" in done.stdout


def test_staff_are_given_a_mailbox_and_a_number_and_it_is_shown(practice: Path) -> None:
    done = run("staff", "reach", "ruth", "--email", "ruth@example.org", "--call", "(503) 555-0111", folder=practice)
    assert done.returncode == 0, done.stderr
    assert "email  ruth@example.org" in done.stdout
    assert "call  +15035550111" in done.stdout
    assert "HANDRAIL_TWILIO_CALL_FROM is not set" in done.stderr
    assert "never" in run("staff", "reach", "sam", "--no-call", folder=practice).stdout
    shown = run("staff", "show", folder=practice).stdout
    assert "+15035550111" in shown
    assert "sam:" in shown
    for wrong, told in {
        ("ruth",): "say what to set",
        ("maya", "--no-call"): "nobody on staff is called maya",
        ("ruth", "--email", "Ruth <ruth@example.org>"): "--email: that is no e-mail address",
        ("ruth", "--call", "soon"): "--call: that is no phone number",
        ("ruth", "--call", "+15035550111", "--no-call"): "not both",
        ("sam", "--email", "ruth@example.org"): "is ruth's e-mail address already",
    }.items():
        done = run("staff", "reach", *wrong, folder=practice)
        assert (done.returncode, told in done.stderr) == (2, True), (wrong, done.stderr)
