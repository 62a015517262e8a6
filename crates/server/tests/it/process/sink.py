"""A foreign SMTP server: aiosmtpd on a free port. Prints the port, then one line of JSON for each mail it takes.

Arguments: none for a plain server; certificate and key for one that insists on STARTTLS; after them PLAIN or LOGIN for one
that insists on a login by this mechanism, which is `tide` with the password `s3cret`.
"""

import asyncio
import base64
import email
import email.policy
import json
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult


def described(part):
    """A part as Python's email package reads it."""
    content = None
    if not part.is_multipart():
        content = base64.b64encode(part.get_payload(decode=True)).decode()
    return {
        "type": part.get_content_type(),
        "charset": part.get_content_charset(),
        "disposition": part.get_content_disposition(),
        "name": part.get_filename(),
        "content": content,
        "parts": [described(inner) for inner in part.iter_parts()] if part.is_multipart() else [],
        "defects": [str(defect) for defect in part.defects],
    }


class Sink:
    async def handle_DATA(self, server, session, envelope):
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        lines = envelope.content.split(b"\r\n")
        print(
            json.dumps(
                {
                    "from": envelope.mail_from,
                    "to": envelope.rcpt_tos,
                    "tls": session.ssl is not None,
                    "login": session.auth_data,
                    "headers": [[name, str(value)] for name, value in message.items()],
                    "header_defects": [str(d) for value in message.values() for d in value.defects],
                    "sent_at": message["Date"].datetime.isoformat(),
                    "body": described(message),
                    "longest_line": max(map(len, lines)),
                    "bare_breaks": any(b"\n" in line or b"\r" in line for line in lines),
                }
            ),
            flush=True,
        )
        return "250 2.0.0 taken"


def sign_in(server, session, envelope, mechanism, credentials):
    good = (credentials.login, credentials.password) == (b"tide", b"s3cret")
    return AuthResult(success=good, handled=False, auth_data=f"{mechanism} {credentials.login.decode()}")


async def main():
    context = None
    authentication = {}
    if len(sys.argv) >= 3:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(sys.argv[1], sys.argv[2])

    if len(sys.argv) == 4:
        others = {"PLAIN", "LOGIN"} - {sys.argv[3]}
        authentication = {
            "authenticator": sign_in,
            "auth_required": True,
            "auth_exclude_mechanism": list(others),
        }

    def connection():
        starttls = context is not None
        limit = 1 << 26
        return SMTP(Sink(), tls_context=context, require_starttls=starttls, data_size_limit=limit, **authentication)

    loop = asyncio.get_running_loop()
    server = await loop.create_server(connection, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


asyncio.run(main())
