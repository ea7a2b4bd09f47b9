"""Which encoding bytes are taken to be in that are no UTF-8."""

import pytest

from seqgen.core.guesses import guesses, wide_guess, would_read

CHINESE = "道可道，非常道。名可名，非常名。无名天地之始，有名万物之母。"
TRADITIONAL = "天地玄黃，宇宙洪荒。日月盈昃，辰宿列張。寒來暑往，秋收冬藏。"
JAPANESE = "吾輩は猫である。名前はまだ無い。どこで生れたかとんと見当がつかぬ。"
KATAKANA = "コンピュータ プログラム データベース システム"
KOREAN = "동해 물과 백두산이 마르고 닳도록 하느님이 보우하사 우리나라 만세"
RUSSIAN = "Все счастливые семьи похожи друг на друга, каждая несчастлива по-своему"
GREEK = "Μηνιν αειδε θεά Πηληιάδεω Αχιλήος"
HEBREW = "בראשית ברא אלהים את השמים ואת הארץ"
ARABIC = "كان يا ما كان في قديم الزمان ملك عادل"
THAI = "กาลครั้งหนึ่งนานมาแล้ว มีเด็กชายคนหนึ่ง"
TURKISH = "İstanbul'da yaşayan çocuklar ağaçların altında oynuyor, güneş ışıl ışıl parlıyor"
ICELANDIC = "Það var einu sinni karl og kerling í koti sínu, þau áttu sér eina dóttur og hún hét Ása"
CZECH = "Příliš žluťoučký kůň úpěl ďábelské ódy"
ROMANIAN = "Şi a fost o dată ca niciodată într-o ţară"
POLISH = "Zażółć gęślą jaźń, a potem wróć do łódki"
FRENCH = "L'été dernier, l'élève préférée était déjà là où l'âme rêvait"
GERMAN = "Zwölf Boxkämpfer jagen Viktor quer über den großen Sylter Deich"
SPANISH = "¿Qué tal, señor? ¡Así no más! El pingüino Wenceslao hizo kilómetros"


def error_of(stored, codec="utf-8"):
    with pytest.raises(UnicodeDecodeError) as caught:
        stored.decode(codec)
    return caught.value


def guessed(stored):
    return guesses("utf-8", error_of(stored), right=False, nuls=False)


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (CHINESE, "gb18030"),
        (TRADITIONAL, "big5"),
        (JAPANESE, "shift_jis"),
        (KATAKANA, "shift_jis"),
        (f"{JAPANESE} ①", "cp932"),
        (JAPANESE, "euc_jp"),
        (KOREAN, "euc_kr"),
        (f"{KOREAN} 똠", "cp949"),
        (RUSSIAN, "cp1251"),
        (RUSSIAN, "koi8-r"),
        (RUSSIAN, "cp866"),
        (GREEK, "cp1253"),
        (HEBREW, "cp1255"),
        (ARABIC, "cp1256"),
        (THAI, "cp874"),
        (TURKISH, "cp1254"),
        (CZECH, "iso8859-2"),
        (CZECH, "cp1250"),
        (ROMANIAN, "cp1250"),
        (POLISH, "iso8859-2"),
        (POLISH, "cp1250"),
        (ICELANDIC, "latin-1"),
        (FRENCH, "latin-1"),
        (FRENCH.replace("'", "’"), "cp1252"),
        (FRENCH, "cp850"),
        (GERMAN, "latin-1"),
        (SPANISH, "latin-1"),
    ],
    ids=lambda value: value[:12],
)
def test_a_text_in_any_of_the_usual_encodings_is_recognised(text, encoding):
    assert guessed(f"{text}\n".encode(encoding) * 3)[0] == encoding


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("It was the best of times—it was the worst … that’s “all.”", "cp1252"),
        ("“London–Paris”", "cp1252"),
        ("wait…what “now” he", "cp1252"),
        ("DAS MÄRCHEN\nWÄHREND DER KÄSE", "latin-1"),
        ("ÉTÉ, NOËL, FRANÇAIS, DÉJÀ", "latin-1"),
        ("It was the best of times—it was the worst … that’s “all.”", "mac_roman"),
    ],
)
def test_dashes_and_ellipses_between_words_and_words_all_in_capitals_are_no_sign_of_another_encoding(text, encoding):
    assert guessed(text.encode(encoding))[0] == encoding


def test_romanian_is_not_taken_for_turkish():
    assert guessed(ROMANIAN.encode("cp1250")) == ["cp1250", "iso8859-2"]


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("<p class='text'>天地玄黄，宇宙洪荒。</p>", "gb18030"),
        ("def parse(line):  # 解析一行文本\n    return line.split(',')  # 返回列表", "gb18030"),
        ("Tom: 吾輩は猫である。 Jerry: yes, my dear friend", "shift_jis"),
        ("Tom: 吾輩は猫である。 Jerry: yes, my dear friend", "euc_jp"),
        ("Tom: 동해 물과 백두산이 Jerry: yes, my dear friend", "euc_kr"),
        ("Tom: как же так? Jerry: yes, my dear friend, this is привет", "koi8-r"),
        ("<p class='text'>несчастлива по-своему</p>", "koi8-r"),
    ],
)
def test_a_text_among_more_letters_of_ascii_is_recognised(text, encoding):
    assert guessed(text.encode(encoding))[0] == encoding


@pytest.mark.parametrize("place", [0, 21, 200])
@pytest.mark.parametrize(
    ("text", "encoding"),
    [(CHINESE, "gb18030"), (TRADITIONAL, "big5"), (JAPANESE, "euc_jp"), (KOREAN, "euc_kr")],
    ids=lambda value: value[:12],
)
def test_a_byte_that_went_wrong_hides_no_encoding(text, encoding, place):
    stored = f"{text}\n".encode(encoding) * 10
    assert guessed(stored[:place] + b"\xff" + stored[place:])[0] == encoding


@pytest.mark.parametrize("place", [0, 21, 200])
def test_a_byte_that_went_wrong_in_shift_jis_may_be_one_that_cp932_has(place):
    stored = JAPANESE.encode("shift_jis") * 10
    assert guessed(stored[:place] + b"\xff" + stored[place:])[0] in ("shift_jis", "cp932")


@pytest.mark.parametrize(
    "text", ["don’t", "it’s", "“café”", "Ärger", "Île", "déjà vu", "naïve", "Über", "señor"], ids=ascii
)
def test_a_word_of_latin_letters_is_not_taken_for_chinese_though_it_reads_as_such(text):
    assert guessed(f"{text} ".encode("cp1252") * 3)[0] in ("latin-1", "cp1252")


def test_a_block_may_end_within_a_character():
    assert guessed((JAPANESE * 3).encode("shift_jis")[:-1])[0] == "shift_jis"


def test_what_is_shown_begins_with_the_word_of_the_first_character_beyond_ascii():
    stored = f"A long text of plain words before\na {FRENCH}".encode("latin-1")
    assert would_read(error_of(stored), "latin-1") == "L'été dernier, l'élève pré"


def test_what_is_shown_is_not_cut_within_a_character_where_bytes_before_the_wrong_one_fit():
    stored = "ПС".encode() + "語".encode("euc_jp")
    assert would_read(error_of(stored), "gb18030") == stored.decode("gb18030")


@pytest.mark.parametrize(
    "block",
    [
        b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\1\0\0\0\1\0\x08\6\0\0\0\x5c\x72\xa8\x66",
        b"GIF89a\x10\0\x10\0\xf0\0\0\xff\xff\xff\0\0\0!\xf9\4\0\0\0\0\0",
        b"\xff\xd8\xff\xe0\0\x10JFIF\0\1\1\0\0\1\0\1\0\0\xff\xdb\0C\0",
        b"RIFF\x24\0\0\0WAVEfmt \x10\0\0\0\1\0\1\0",
        b"\x7fELF\2\1\1\0\0\0\0\0\0\0\0\0\3\0>\0",
        b"PK\3\4\x14\0\0\0\x08\0",
        b"ab\0c",
        b"a log of plain words\nin which a \0 went astray\n",
        "une journée d'été, où un \0 s'est égaré\n".encode(),
    ],
    ids=["png", "gif", "jpeg", "wav", "elf", "zip", "letters", "log", "log in UTF-8"],
)
def test_what_is_no_text_and_a_text_with_a_nul_astray_are_not_taken_for_utf_16(block):
    assert wide_guess(block) is None


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
@pytest.mark.parametrize(
    "text",
    [CHINESE, JAPANESE, KOREAN, RUSSIAN, HEBREW, ARABIC, THAI, FRENCH, "ice", "🙂\nice"],
    ids=lambda text: text[:6],
)
def test_a_block_of_any_script_in_utf_16_or_utf_32_is_recognised_with_the_order_of_its_bytes(text, encoding):
    block = f"{text}\n".encode(encoding)
    assert wide_guess(block) == wide_guess(block + block[:-1]) == encoding
