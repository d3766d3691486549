"""Vocabularies of real models, as packages ship them."""

from __future__ import annotations

from pathlib import Path

import mistral_common
import pytest

from extauth.tokens.sentence_piece import SentencePiece
from extauth.tokens.tekken import Tekken

VOCABULARIES = Path(mistral_common.__file__).parent / "data"
SENTENCE_PIECE = VOCABULARIES / "tokenizer.model.v1"
INSTRUCT = VOCABULARIES / "mistral_instruct_tokenizer_240323.model.v3"
TEKKEN = VOCABULARIES / "tekken_240911.json"

TEXTS = {
    "English": "The gateway is the last place that sees text before a model does, isn't it?",
    "German": "Die Donaudampfschifffahrtsgesellschaft muß Geschäftsbedingungen überarbeiten.",
    "Polish": "W Szczebrzeszynie chrząszcz brzmi w trzcinie, a źdźbło trawy łaskocze go.",
    "Vietnamese": "Hôm nay trời đẹp quá, chúng ta hãy cùng nhau đi dạo trong công viên.",
    "Russian": "Сегодня мы рассмотрим вопросы регулирования искусственного интеллекта.",
    "Arabic": "الذكاء الاصطناعي يغير الطريقة التي نعمل بها كل يوم.",
    "Hindi": "कृत्रिम बुद्धिमत्ता हर दिन हमारे काम करने के तरीके को बदल रही है।",
    "Thai": "ปัญญาประดิษฐ์กำลังเปลี่ยนแปลงวิธีการทำงาน",
    "Chinese": "人工智能正在改变我们每天工作和交流的方式。",
    "Japanese": "人工知能は私たちの毎日の働き方を変えています。",
    "Korean": "인공지능은 우리가 매일 일하고 소통하는 방식을 변화시키고 있습니다.",
    "Amharic": "ሰው ሰራሽ የማሰብ ችሎታ የምንሠራበትን መንገድ እየለወጠ ነው።",
    "emoji": "👩‍👩‍👧‍👦🏳️‍🌈😀🤖🦾🇩🇪✨",
    "code": "def count(self, text: str) -> int:\n    return self._encoded(text)\t# \r\n",
    "JSON": '{"id":"9f8a","choices":[{"index":0,"message":{"role":"assistant"}}]}',
    "hex": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "base64": "q83vASNFZ4mrze8BI0VniavN7wEjRWeJq83vASNFZ4mrze8BI0VniQ==",
    "letters": "qxzjkvw zxqwvk QXZJKVW aEiOuAeIoU bcdfg",
    "digits": "31415926535897932384626433832795",
    "wide": "\uff21\uff22\uff23\uff11\uff12\uff13 ﷽ ﷺ ①㎏ ﬁ",
    "spaces": "a" + " " * 7 + "b\t\t\tc\n\n\n \r\n",
    "nul": "\x00\x01",
    "nothing": "",
}
"""Texts as people write them, and unusual ones."""


@pytest.fixture(scope="session")
def sentence_piece() -> SentencePiece:
    """The vocabulary of Mistral 7B, of Llama 2's size."""
    return SentencePiece(SENTENCE_PIECE)


@pytest.fixture(scope="session")
def tekken() -> Tekken:
    """A vocabulary of Mistral Nemo's family."""
    return Tekken(TEKKEN)
