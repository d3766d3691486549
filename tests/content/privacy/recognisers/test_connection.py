"""Credentials in addresses and commands."""

import pytest

from extauth.content.privacy import Detector
from tests.content.privacy.recognisers.marked import found

SIGNATURE = "aB3dE5fG7hJ9kL1mN0pQ2rS4tU6vW8xY0zA1bC2dE3f"


@pytest.mark.parametrize(
    "marked",
    [
        "postgresql://«app:s3cr3t@db.internal:5432»/orders?sslmode=require",
        "mysql://«root:hunter2@10.0.0.5»/shop",
        "mongodb+srv://«admin:Pa55w0rd@cluster0.ab1cd.mongodb.net»/test",
        "redis://«:pa55@cache:6379»/0",
        "amqps://«user:g7h8i9@rabbit.example.com:5671»/vhost",
        "https://«alice:s3cr3t@git.example.com»/team/repo.git",
        "ftp://«anonymous:a1b2@ftp.example.com»/pub",
        "smtp://«mail:p@ss-w0rd@smtp.example.com:587»",
        "postgres://«u:a/b#c9@db.example.com»/x",
        "jdbc:oracle:thin:«scott/t1ger»@dbhost:1521:orcl",
        "jdbc:postgresql://host/db?user=app&password=«s3cr3t99»",
        "jdbc:sqlserver://host:1433;user=sa;password=«Str0ng!Pass»;",
        "Server=tcp:db,1433;User ID=sa;Password=«Corr3ct-Horse»;Encrypt=True",
        "Driver={ODBC Driver 17};Server=db;Uid=app;Pwd=«s3cr3t!»;",
        f"AccountName=shop;AccountKey=«{SIGNATURE}{SIGNATURE}==»;EndpointSuffix=core.windows.net",
        f"Endpoint=sb://x.servicebus.windows.net/;SharedAccessKeyName=r;SharedAccessKey=«{SIGNATURE}=»",
        f"https://a.blob.core.windows.net/c/f?sv=2022-11-02&sr=b&sig=«{SIGNATURE}%3D»",
        f"https://b.s3.amazonaws.com/k?X-Amz-Expires=300&X-Amz-Signature=«{'0a1b2c3d' * 8}»",
        "curl -u «alice:s3cr3t» https://api.example.com",
        "curl -X POST --user «bob:hunter2!» https://api.example.com",
        "mysql -h db -u root -p«hunter2» shop",
        "sshpass -p '«hunter2»' ssh root@host",
        "docker login -u ci -p «dckrhunter2» registry.example.com",
        "machine api.example.com login bob password «hunter2»",
    ],
)
def test_finds_what_opens_a_door(detector: Detector, marked: str) -> None:
    text = marked.replace("«", "").replace("»", "")
    start, end = marked.index("«"), marked.index("»") - 1
    spans = [(f.start, f.end) for f in detector.detect(text) if f.kind == "secret"]
    assert (start, end) in spans, found(detector, marked, "secret")


@pytest.mark.parametrize(
    "text",
    [
        "postgres://user:password@localhost/db",
        "postgres://user:<password>@host/db",
        "mysql://${DB_USER}:${DB_PASS}@host/db",
        "redis://user:****@cache:6379",
        "https://example.com:8080/a@b",
        "http://host:80?mail=a@b",
        "https://example.com/path?sig=short",
        "curl -u $USER:$TOKEN https://example.com",
        "curl -u user https://example.com",
        "mysql -u root -p shop",
        "see http://example.com: it has it @ noon",
    ],
)
def test_stand_ins_and_ports_are_none(detector: Detector, text: str) -> None:
    assert [f for f in detector.detect(text) if f.kind == "secret"] == []
