"""``seqgen music render`` and ``play``, driven as a person drives them, and what they write read by others."""

from __future__ import annotations

import contextlib
import io
import json
import os
import resource
import shlex
import subprocess
import sys
import wave
from pathlib import Path
from types import SimpleNamespace
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from PIL import Image
from symusic import Note, Score, Tempo, Track

from seqgen.cli.app import main
from seqgen.core.errors import OutputError
from seqgen_music.errors import MusicError
from seqgen_music.render import files, player
from seqgen_music.render.notes import notes_of
from seqgen_music.render.score import engrave, two_signs, within_chords
from seqgen_music.render.sound import RATE, pluck, soundfont, synthesise

BOOK = """X:1
T:Up and Down
M:4/4
L:1/8
K:D
|:d2fd Adfd|g2ec Acec:|

X:2
T:Around
M:6/8
L:1/8
K:Em
|:EGB e2B|g2e d2B:|
"""


def music(*arguments, folder, exit_code=0, stdin=b""):
    """``seqgen music ARGUMENTS`` in this process, where what it needs is imported once for all tests."""
    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for _ in range(2))
    with (
        contextlib.chdir(folder),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
        pytest.MonkeyPatch.context() as patch,
        pytest.raises(SystemExit) as ended,
    ):
        patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin), "utf-8"))
        main(["music", *map(str, arguments)])
    stdout, stderr = out.buffer.getvalue().decode(), err.buffer.getvalue().decode()
    assert ended.value.code == exit_code, stderr
    assert "Traceback" not in stderr
    return SimpleNamespace(stdout=stdout, stderr=stderr)


@pytest.fixture
def book(tmp_path):
    path = tmp_path / "book.abc"
    path.write_text(BOOK)
    return path


def midi(*notes, drums=False):
    score = Score(480)
    score.tempos.append(Tempo(0, 120))
    track = Track("", 0, drums)
    for note in notes:
        track.notes.append(Note(*note))
    score.tracks.append(track)
    return score.dumps_midi()


def engraved_notes(tune):
    return engrave(tune, "a.abc:1").svg.count('class="note"')


def pixels(png):
    image = np.array(Image.open(io.BytesIO(png)))
    assert image.ndim == 3
    return image


def test_each_tune_of_a_book_is_rendered_in_each_form(book, tmp_path):
    command = [sys.executable, "-m", "seqgen", "music", "render", str(book), "--to", "midi,wav,svg,png,roll"]
    ran = subprocess.run([*command, "--output-folder", "out", "--json"], capture_output=True, cwd=tmp_path, check=True)
    written = [tmp_path / name for name in json.loads(ran.stdout)]
    endings = (".mid", ".wav", ".svg", ".png", ".roll.png")
    assert [path.name for path in written] == [f"book-{number}{ending}" for number in (1, 2) for ending in endings]
    played = Score(str(written[0])).tracks[0].notes
    assert [note.pitch for note in played][:7] == [74, 78, 74, 69, 74, 78, 74]  # d2 f d A d f d
    assert len(played) == 2 * 14  # the repeat is played
    with wave.open(str(written[1])) as sound:
        seconds = sound.getnframes() / sound.getframerate()
    assert seconds == pytest.approx(Score(str(written[0])).to("second").end(), abs=0.2)
    assert ET.parse(written[2]).getroot().tag == "{http://www.w3.org/2000/svg}svg"
    assert "Up and Down" in written[2].read_text()
    assert pixels(written[3].read_bytes()).min() < 50  # ink


def test_all_files_of_a_folder_or_glob_are_rendered_and_told_of(book, tmp_path, monkeypatch):
    (tmp_path / "tunes" / "more").mkdir(parents=True)
    for name in ("a.mid", "more/b.midi", "notes.txt"):
        (tmp_path / "tunes" / name).write_bytes(midi((0, 480, 60, 90)))
    ran = music("render", "tunes", "--to", "roll", folder=tmp_path)
    rolls = ["tunes/a.roll.png", "tunes/more/b.roll.png"]
    assert ran.stdout.split() == rolls
    assert all((tmp_path / name).is_file() for name in rolls)
    book.rename(tmp_path / "tunes" / "book.abc")
    monkeypatch.chdir(tmp_path)
    names = ["tunes/a.mid", "tunes/book.abc:1", "tunes/book.abc:8", "tunes/more/b.midi"]
    assert [piece.where for piece in files.pieces(["tunes/*.mi*", "tunes"])] == names  # each once


def test_what_is_read_from_standard_input_is_rendered_here(tmp_path):
    (tmp_path / "tune.roll.png").write_bytes(b"of the time before")
    ran = music("render", "-", "--to", "roll", folder=tmp_path, stdin=midi((0, 480, 60, 90)))
    assert ran.stdout == "tune.roll.png\n"
    assert pixels((tmp_path / "tune.roll.png").read_bytes()).shape[1] == 1200


def test_what_was_written_is_told_though_a_later_file_is_wrong(book, tmp_path):
    (tmp_path / "letter.txt").write_text("Dear Ada")
    ran = music("render", book, "letter.txt", "--to", "midi", "--json", folder=tmp_path, exit_code=1)
    assert json.loads(ran.stdout) == [str(tmp_path / f"book-{number}.mid") for number in (1, 2)]
    assert ran.stderr.startswith("error: letter.txt has no tune in ABC")
    ran = music("render", "letter.txt", "--to", "midi", "--json", folder=tmp_path, exit_code=1)
    assert ran.stdout == ""


def test_of_midi_as_midi_in_its_own_place_it_is_said_that_it_stays(tmp_path):
    (tmp_path / "x.mid").write_bytes(content := midi((0, 480, 60, 90)))
    ran = music("render", "x.mid", "--to", "midi", folder=tmp_path)
    assert (ran.stdout, ran.stderr) == ("", "warning: What is named is MIDI already, and stays as it is.\n")
    assert (tmp_path / "x.mid").read_bytes() == content


@pytest.mark.parametrize(
    ("names", "options", "said"),
    [
        (
            ("a/x.mid", "b/x.mid"),
            ("png", "out"),
            "b/x.mid as png would overwrite out/x.png, which was made of a/x.mid.",
        ),
        (("a/x.mid", "a/x.midi"), ("midi", None), "a/x.midi as midi would overwrite a/x.mid, which is read too."),
    ],
)
def test_no_file_is_written_over_one_that_is_read_or_was_just_made(tmp_path, monkeypatch, names, options, said):
    monkeypatch.chdir(tmp_path)
    for place, name in enumerate(names):
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_bytes(midi((0, 480, 60 + place, 90)))
    form, folder = options
    with pytest.raises(MusicError, match=said):
        list(files.render(names, [form], folder and Path(folder)))
    assert [Score(name).tracks[0].notes[0].pitch for name in names] == [60, 61]


def test_where_nothing_can_be_written_it_is_said_of_which_file(tmp_path):
    (tmp_path / "a.mid").write_bytes(midi((0, 480, 60, 90)))
    (tmp_path / "out").write_text("a file")
    with pytest.raises(OutputError, match=r"out/a\.png cannot be written: File exists\.$"):
        list(files.render([str(tmp_path / "a.mid")], ["png"], tmp_path / "out"))


def test_a_file_that_cannot_be_written_to_its_end_leaves_the_one_that_was_there(tmp_path):
    (tmp_path / "a.mid").write_bytes(midi((0, 480, 60, 90)))
    (tmp_path / "a.png").write_bytes(b"of the time before")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
    try:
        with pytest.raises(OutputError, match=r"a\.png cannot be written: File too large\.$"):
            list(files.render([str(tmp_path / "a.mid")], ["png"], None))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert {path.name for path in tmp_path.iterdir()} == {"a.mid", "a.png"}
    assert (tmp_path / "a.png").read_bytes() == b"of the time before"


def test_a_link_still_leads_to_what_is_written(tmp_path):
    (tmp_path / "a.mid").write_bytes(midi((0, 480, 60, 90)))
    (tmp_path / "a.png").symlink_to("roll.png")
    list(files.render([str(tmp_path / "a.mid")], ["png"], None))
    assert (tmp_path / "a.png").is_symlink()
    assert pixels((tmp_path / "roll.png").read_bytes()).shape[1] == 1200


def test_who_reads_what_was_written_may_stop(tmp_path):
    (tmp_path / "a.mid").write_bytes(midi((0, 480, 60, 90)))
    command = f"{shlex.quote(sys.executable)} -m seqgen music render a.mid --to roll,png,roll 2>told | true"
    subprocess.run(["bash", "-c", command], cwd=tmp_path, check=True)
    assert (tmp_path / "told").read_text() == ""


def test_a_tune_book_may_be_in_another_encoding(tmp_path):
    (tmp_path / "a.abc").write_bytes("X:1\nT:Der Küfer\nK:C\nCDEF|\n".encode("latin-1"))
    ran = music("evaluate", "a.abc", folder=tmp_path, exit_code=1)
    assert ran.stderr.endswith("Name its encoding, for example --encoding latin-1\n")
    assert "title            Der Küfer" in music("info", "a.abc", "--encoding", "latin-1", folder=tmp_path).stdout


def test_the_engraver_minds_neither_the_folder_that_it_is_in_nor_the_encoding_of_the_machine(tmp_path):
    """Tunes may lie beside files of anybody, of which none is run."""
    (tmp_path / "a.abc").write_text("X:1\nT:Der Küfer\nK:C\nCDEF|\n", "utf-8")
    for module in ("json", "verovio", "seqgen_music"):
        (tmp_path / f"{module}.py").write_text("raise SystemExit('imported')")
    code = "import sys; from seqgen_music.render.score import engrave; print(engrave(sys.argv[1], '').svg)"
    command = [sys.executable, "-P", "-c", code, (tmp_path / "a.abc").read_text("utf-8")]
    environment = {**os.environ, "PYTHONIOENCODING": "latin-1"}
    ran = subprocess.run(command, capture_output=True, encoding="latin-1", cwd=tmp_path, env=environment, check=False)
    assert "Der Küfer" in ran.stdout, ran.stderr


def test_repeats_that_follow_one_another_are_engraved():
    tune = "X:1\nT:of :| in words\nL:1/8\nM:2/4\nK:G\n|: GABc :| dBAB :|\ndcBA :| G4 |]\n"
    assert engraved_notes(tune) == 4 + 4 + 4 + 1


@pytest.mark.parametrize(
    ("tune", "engraved"),
    [
        ("|: A :: B :|", "|: A :| |: B :|"),
        ("A :|: B :||: C :||", "A :| |: B :| |: C :||"),
        ("A :| B || C :|", "A :| B || C :|"),
        ('A "::"B (3::2CDE % ::\nw: ::\nF :|', 'A "::"B (3::2CDE % ::\nw: ::\nF :|'),
    ],
)
def test_a_sign_that_ends_a_repeat_and_begins_one_is_engraved_as_two(tune, engraved):
    assert two_signs(tune) == engraved


def test_both_sides_of_a_repeat_sign_are_engraved():
    one, two = (engrave(f"X:1\nL:1/8\nM:2/4\nK:G\n|: GABc {sign} dBAB :|\n", "a.abc:1").svg for sign in ("::", ":| |:"))
    assert one == two


def test_what_stands_before_a_double_bar_is_not_played_again(tmp_path):
    (tmp_path / "a.abc").write_text("X:1\nL:1/8\nM:2/4\nK:G\nGABc :| dBAB ||\nK:D\ndcBA :|\n")
    music("render", "a.abc", "--to", "midi", folder=tmp_path)
    assert len(Score(str(tmp_path / "a.mid")).tracks[0].notes) == 2 * 4 + 4 + 2 * 4


def test_a_bracketed_metre_is_no_double_bar_and_the_file_header_counts(tmp_path):
    (tmp_path / "a.abc").write_text("M:C\nL:1/4\n\nX:1\nK:C\nCDEF|[M:C|]GABc:|\n")
    music("render", "a.abc", "--to", "midi", folder=tmp_path)
    score = Score(str(tmp_path / "a.mid"))
    assert [note.time for note in score.tracks[0].notes] == [place * score.ticks_per_quarter for place in range(16)]


@pytest.mark.parametrize("endings", ['[1"D"dBAB :|[2"G"dcBA', "[1dBAB :|[2dcBA", "[1 dBAB :|[2 dcBA"])
def test_an_ending_may_begin_with_a_chord_symbol_or_a_note(endings):
    assert engraved_notes(f"X:1\nL:1/8\nM:2/4\nK:G\nGABc |{endings} |]\n") == 4 + 4 + 4


@pytest.mark.parametrize(
    ("tune", "engraved"),
    [
        ("[GB]2 [^G/B,2]3/2 [c]", "[G2B2] [^G3/4B,3] [c]"),
        ("[!f!G-uB-]/ [Gz]//>c", "[!f!G1/2-uB1/2-] [G1/4z1/4]>c"),
        ('"of [GB]2"c [K:D]2 [1 [GB]2 [GB]0 % [GB]2', '"of [GB]2"c [K:D]2 [1 [G2B2] [GB]0 % [GB]2'),
        ("T:[GB]2\nA:|[GB]2", "T:[GB]2\nA:|[G2B2]"),
    ],
)
def test_a_length_behind_a_chord_is_engraved_as_that_of_each_of_its_notes(tune, engraved):
    assert within_chords(tune) == engraved


def test_engraved_chords_have_the_length_that_stands_behind_them():
    outside, inside = (
        engrave(f"X:1\nL:1/8\nM:4/4\nK:C\n{chord} G6|]\n", "a.abc:1").svg for chord in ("[GB]2", "[G2B2]")
    )
    assert outside == inside


def test_equal_tunes_give_equal_files(book, tmp_path):
    for folder in ("one", "two"):
        music("render", book, "--to", "svg,midi", "--output-folder", folder, folder=tmp_path)
    for path in sorted((tmp_path / "one").iterdir()):
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes()


@pytest.mark.parametrize(
    ("name", "content", "form", "said"),
    [
        (
            "a.mid",
            midi((0, 480, 60, 90)),
            "svg",
            "a.mid is MIDI, of which no score is engraved.  Try --to png, a piano roll",
        ),
        ("a.mid", midi((0, 480, 60, 90))[:-3], "wav", "a.mid: it ends in the middle of track 1: "),
        (
            "a.abc",
            b"nothing of the kind",
            "png",
            "a.abc has no tune in ABC, which begins with X:, and is no MIDI file.",
        ),
        (
            "a.abc",
            b"X:1\nT:no key\n",
            "png",
            "a.abc:1 is no tune in ABC that verovio can engrave.  seqgen music info says",
        ),
        (
            "a.abc",
            b"X:1\nK:C\nCDEF|\n\nX:2\nK:C\n" + b"CDEF|\n" * 60_000,
            "midi",
            "a.abc:5: the tune has more than 262,144 characters, the most that are read.  Leave it out",
        ),
        ("a.abc", b"X:1\nK:C\nCDEF|\n", "mp3", '--to has "mp3", but knows midi, wav, svg, png, roll.'),
    ],
)
def test_what_cannot_be_rendered_is_told_in_a_sentence(tmp_path, name, content, form, said):
    (tmp_path / name).write_bytes(content)
    code = 2 if form == "mp3" else 1
    ran = music("render", name, "--to", form, folder=tmp_path, exit_code=code)
    assert (ran.stdout, ran.stderr.startswith(f"error: {said}")) == ("", True), ran.stderr


def test_a_note_sounds_at_its_pitch_while_it_lasts():
    samples = pluck(notes_of(midi((480, 960, 69, 100))))  # A of 440 Hz from half a second to one and a half
    assert abs(samples[: RATE // 2 - 10]).max() == 0
    assert abs(samples).max() == pytest.approx(0.9, abs=0.01)
    sound = samples[RATE // 2 : RATE * 3 // 2]
    strongest = np.argmax(np.abs(np.fft.rfft(sound)))
    assert strongest * RATE / len(sound) == pytest.approx(440, abs=2)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, r"font\.sf2, where there is no file\.  Name a soundfont"),
        (b"", r"font\.sf2, which is no soundfont: "),
        (b"RIFF\x04\0\0\0WAVE", r"font\.sf2, which is no soundfont: "),
    ],
)
def test_a_soundfont_that_is_none_is_named(tmp_path, monkeypatch, content, said):
    """FluidSynth would write silence, and end well."""
    if content is not None:
        (tmp_path / "font.sf2").write_bytes(content)
    monkeypatch.setenv("SEQGEN_SOUNDFONT", str(tmp_path / "font.sf2"))
    with pytest.raises(MusicError, match=f"^SEQGEN_SOUNDFONT is {tmp_path}/{said}"):
        synthesise(midi((0, 480, 60, 90)))


def test_a_soundfont_is_known_by_its_beginning(tmp_path, monkeypatch):
    (tmp_path / "font").write_bytes(b"RIFF\x04\0\0\0sfbk")
    monkeypatch.setenv("SEQGEN_SOUNDFONT", str(tmp_path / "font"))
    assert soundfont() == tmp_path / "font"


def test_louder_notes_and_drums_sound():
    soft, loud = (
        abs(pluck(notes_of(midi((0, 480, 60, 20), (960, 480, 60, velocity))))).argmax() for velocity in (20, 120)
    )
    assert soft < RATE // 2 < loud
    assert abs(pluck(notes_of(midi((0, 100, 36, 100), (480, 100, 42, 100), drums=True)))).max() > 0.5


def test_notes_stand_in_the_piano_roll_where_they_are(tmp_path):
    (tmp_path / "a.mid").write_bytes(midi((0, 480, 60, 127), (480, 480, 72, 127)))
    music("render", "a.mid", "--to", "png", folder=tmp_path)
    image = pixels((tmp_path / "a.png").read_bytes())
    rows, columns = np.nonzero((image == (0, 114, 178)).all(axis=2))
    left, right = rows[columns < image.shape[1] // 3], rows[columns > image.shape[1] * 2 // 3]
    assert left.min() - right.min() == 12 * 6  # an octave of rows of 6 pixels


def test_without_a_player_it_is_said_what_to_do_instead(monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(MusicError, match="Nothing on this machine plays sound .*--to wav writes it to a file"):
        player.play(b"")


def test_a_player_is_handed_the_sound_and_one_that_fails_is_told(monkeypatch, tmp_path):
    program = tmp_path / "aplay"
    program.write_text(f'#!/bin/sh\ncp "$2" {tmp_path}/played\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    player.play(b"sound")
    assert (tmp_path / "played").read_bytes() == b"sound"
    program.write_text("#!/bin/sh\necho audio open error: No such device >&2; exit 1\n")
    with pytest.raises(MusicError, match="no sound device .*aplay said audio open error: No such device"):
        player.play(b"sound")


def test_on_windows_its_own_library_plays(monkeypatch):
    played = []

    def play_sound(wav, flags):
        played.append((wav, flags))
        if not wav:
            raise RuntimeError("Failed to play sound")

    monkeypatch.setattr(player.sys, "platform", "win32")
    library = SimpleNamespace(PlaySound=play_sound, SND_MEMORY=4, SND_NODEFAULT=2)
    monkeypatch.setitem(sys.modules, "winsound", library)
    player.play(b"sound")
    assert played == [(b"sound", 6)]
    with pytest.raises(MusicError, match="no sound device that can be used.  seqgen music render FILE --to wav"):
        player.play(b"")
