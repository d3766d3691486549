"""The value behind a name that says that it is secret."""

import pytest

from extauth.content.privacy import Detector
from tests.content.privacy.recognisers.marked import found


@pytest.mark.parametrize(
    "marked",
    [
        "export DB_PASSWORD=«s3cr3t»",
        "ENV API_KEY_PROD=«a1b2c3d4e5»",
        "  password: «hunter2»  # change it",
        '"clientSecret": "«9f8e7d6c5b4a»",',
        "aws_secret_access_key = «wJalrXUtnFEMI/K7MDENG/bPxRfiCYzZ01234567»",
        "$env:SECRET_KEY = '«abc123def»'",
        "define('DB_PASSWORD', '«s3cr3t!»');",
        "'password' => '«hunter22»',",
        'conn.setPassword("«hunter2»")',
        "<password>«hunter2»</password>",
        "- name: DB_PASSWORD\n  value: «s3cr3t99»",
        "ALTER USER app WITH PASSWORD '«s3cr3t99»';",
        "deploy --password «hunter2» --force",
        "deploy --api-key=«a1b2c3d4»",
        "//registry.npmjs.org/:_authToken=«a1b2c3d4e5f6»",
        "private_key_id: «0123456789abcdef0123»",
        "my password is «Hunter2!», don't tell",
        "mein Passwort ist «Hunter2!»",
        "Passwort: «geheim123»",
        "Kennwort: «Geheim#1»",
        "mot de passe : «Secret123!»",
        "Contraseña: «Secreto123»",
        "mi contraseña es «Secreto123»",
        "senha: «segredo123»",
        "la mia password è «Segreta1!»",
        "wachtwoord: «Geheim12»",
        "hasło: «tajne123»",
        "lösenord: «hemligt1»",
        "şifre: «gizli123»",
        "пароль: «qwerty123»",
        "密码：«abc12345»",
        "パスワード: «himitsu1»",
        "비밀번호: «bimil123»",
        "كلمة المرور: «sirr1234»",
        "κωδικός πρόσβασης: «krifo123»",
        "Authorization: Basic «dXNlcjpwYXNzd29yZA==»",
        "X-Api-Key: «a1b2c3d4e5f6»",
        "user jdoe, password «Blue!Sky77», PIN not set",
        "password: «$8Ffv4B*Ak»",
        "my password is «Tr0ub4dor&3»",
        '<add key="ApiKey" value="«RJ7tFld71dp9jD5paWNU»" />',
        "password = «correcthorse»",
    ],
)
def test_finds_the_value(detector: Detector, marked: str) -> None:
    assert found(detector, marked, "secret") == marked


@pytest.mark.parametrize(
    "text",
    [
        "password=changeme",
        "password: <your-password>",
        "API_KEY=${API_KEY}",
        "api_key: your-api-key-here",
        "token = os.environ['TOKEN']",
        "SECRET_KEY=xxxxxxxxxxxx",
        "password: '********'",
        "password: {{ vault_password }}",
        "secret: !vault |",
        "password=%PASSWORD%",
        "api_key: example_key_1",
        "eos_token: '</s>', pad_token: '!pad1'",
        "max_tokens: 4096, total_tokens=1234",
        "next_page_token: CAUQAA2x",
        "password_hash: 5f4dcc3b5aa765d61d8327deb882cf99",
        "password_policy: min8chars",
        "public_key: abc123def456",
        "primary_key: id1234",
        "the token expired and the secret was rotated",
        "Passwort vergessen? Klicken Sie hier",
        "mot de passe oublié ?",
        "the password is stored as a salted hash",
        "password must have 8 characters",
        "The secret to success is hard work",
        "tokenizer: gpt2-medium",
        "etag: 5f4dcc3b5aa765d61d8327deb882cf99",
        "token_url: https://login.example.com/oauth2/v2.0/token",
        "bypass=true1",
        "self.token = nextchar",
        "elif token == 0x22:",
        "Pass `capture_all=True` to it",
        "const token = await getToken();",
        "token: `Authorization: Bearer <token>`",
    ],
)
def test_stand_ins_references_and_prose_are_none(detector: Detector, text: str) -> None:
    assert [f for f in detector.detect(text) if f.kind == "secret"] == []
