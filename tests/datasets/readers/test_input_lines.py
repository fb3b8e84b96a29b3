import gzip
import io
import os
import threading

import pytest

from seq2seq.datasets.arriving import chunks
from seq2seq.datasets.readers.input_lines import ByteLines, input_lines, input_names
from seq2seq.errors import UserError


@pytest.fixture
def pipe():
    read, write = os.pipe()
    with os.fdopen(read, "rb") as reader, os.fdopen(write, "wb", buffering=0) as writer:
        yield reader, writer


def test_lines_of_a_pipe_are_there_once_their_ends_are(pipe):
    reader, writer = pipe
    stream = ByteLines(reader)
    lines = iter(stream)
    assert not stream.ready()
    writer.write(b"a\nb")
    assert stream.ready()
    assert next(lines) == b"a\n"
    assert not stream.ready()
    writer.write(b"\n\nc")
    assert [next(lines), next(lines)] == [b"b\n", b"\n"]
    assert not stream.ready()
    assert not stream.ended
    writer.close()
    assert stream.ready()
    assert next(lines) == b"c"
    assert not stream.ready()
    assert stream.ended
    assert list(lines) == []


@pytest.mark.parametrize(
    "content", [b"", b"a", b"a\n", b"\n", b"a\n\nb", b"x" * 200_000 + b"\n" + b"y" * 70_000]
)
def test_all_bytes_are_read(content, tmp_path):
    (tmp_path / "file").write_bytes(content)
    with (tmp_path / "file").open("rb") as file:
        assert list(ByteLines(file)) == list(io.BytesIO(content)) == list(ByteLines(io.BytesIO(content)))


def test_chunks_are_what_has_arrived(pipe, tmp_path):
    """Files in large chunks, whatever follows; of a pipe what is there; and another file behind it."""
    reader, writer = pipe
    for name, text in (("1", b"a\nb\n"), ("2", b"c"), ("4", b"z\n")):
        (tmp_path / name).write_bytes(text)
    names = [str(tmp_path / "1"), str(tmp_path / "2"), "-", str(tmp_path / "4")]
    found = chunks(input_lines(names, reader), max_items=100)
    assert next(found) == ["a", "b", "c"]
    writer.write(b"d\ne\nf")
    assert next(found) == ["d", "e"]
    writer.close()
    assert list(found) == [["f", "z"]]


def test_a_named_pipe_is_read_as_it_comes(tmp_path):
    path = tmp_path / "fifo"
    os.mkfifo(path)
    found = chunks(input_lines([str(path)], None), max_items=100)
    answered = threading.Event()

    def write():
        with path.open("wb", buffering=0) as writer:
            writer.write(b"a\n")
            assert answered.wait(20)
            writer.write(b"b\n")

    thread = threading.Thread(target=write)
    thread.start()
    assert next(found) == ["a"]
    answered.set()
    assert list(found) == [["b"]]
    thread.join()


def test_as_many_lines_as_newlines(tmp_path):
    text = "a\r\nlone\rcr\nform\x0cfeed\x0b\x1c\x85\u2028\u2029x\n\n \n\ufeffb\n"
    (tmp_path / "a.gz").write_bytes(gzip.compress(b"\xef\xbb\xbf" + text.encode()))
    lines = ["a", "lone\rcr", "form\x0cfeed\x0b\x1c\x85\u2028\u2029x", "", " ", "\ufeffb"]
    assert list(input_lines([str(tmp_path / "a.gz")], None)) == lines
    assert list(input_lines(["-"], io.BytesIO(text.encode()))) == lines


def test_a_nul_that_has_strayed_into_text_is_a_space(caplog):
    assert list(input_lines(["-"], io.BytesIO(b"one two\nthree\0four five\n"))) == [
        "one two",
        "three four five",
    ]
    assert caplog.messages == ["standard input, line 2: a NUL character is read as a space"]


def test_names_come_from_arguments_and_from_standard_input(pipe):
    reader, writer = pipe
    writer.write(b"b.wav\r\n\xff.wav\n")
    found = chunks(input_names(["a.wav", "c.wav", "-", "d.wav"], reader), max_items=100)
    assert next(found) == ["a.wav", "c.wav"]
    assert next(found) == ["b.wav", os.fsdecode(b"\xff.wav")]
    writer.close()
    assert list(found) == [["d.wav"]]


@pytest.mark.parametrize(
    ("names", "stdin", "message"),
    [
        (["-"], None, "standard input is closed"),
        (["-"], io.BytesIO(b""), "standard input is empty"),
        (["-"], io.BytesIO(b"a\n\xe9\n"), r"standard input, line 2: this is not UTF-8 \(byte 0xe9 at position 1\)"),
        (["-"], io.BytesIO("two dogs\n".encode("utf-16-le")), "line 1: .*NUL.*; the file looks like UTF-16 text"),
        (["-"], io.BytesIO("a\n".encode("utf-16")), "line 1: .*; the file looks like UTF-16 text"),
        (["-"], io.BytesIO(b"RIFF\xff\xff\0\0WAVE"), "line 1: .*; the file looks like a WAV file"),
        (["-"], io.BytesIO(b"a\n\0\0\0\n"), "line 2: this holds a NUL character"),
        (["nul\0"], None, r"Cannot read 'nul\\x00': no name holds a NUL"),
        (["x" * 300], None, "Cannot read x+: File name too long"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_a_sentence(names, stdin, message):
    with pytest.raises(UserError, match=message):
        list(input_lines(names, stdin))
