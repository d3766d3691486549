"""Header matchers and mutations in Envoy's words."""

from __future__ import annotations

from envoy_data_plane.envoy.config.common.mutation_rules.v3 import (
    HeaderMutation,
    HeaderMutationRemoveOnMatch,
)
from envoy_data_plane.envoy.config.core.v3 import (
    HeaderValue,
    HeaderValueOption,
    HeaderValueOptionHeaderAppendAction,
    TypedExtensionConfig,
)
from envoy_data_plane.envoy.config.route.v3 import HeaderMatcher
from envoy_data_plane.envoy.extensions.http.early_header_mutation.header_mutation.v3 import (
    HeaderMutation as EarlyHeaderMutation,
)
from envoy_data_plane.envoy.type.matcher.v3 import StringMatcher
from envoy_data_plane.google.protobuf import Any

from extauth.types.headers import INTERNAL, ORIGINAL_PATH, SOURCE

STRIPPED_PREFIXES = (INTERNAL, "x-envoy-")
"""Whatever a client sends under these names could steer a filter or the router."""

CREDENTIALS = ("authorization", "proxy-authorization", "cookie", "x-api-key", "api-key")
"""Headers that a model server and the portal never see."""


ORIGINS = ("forwarded", "x-forwarded-for", "x-forwarded-proto", "x-envoy-external-address")
"""Headers that tell a client's address: a model server may be somebody else's."""


def overwrite(name: str, value: str) -> HeaderValueOption:
    """Return a header in place of any of its name; `value` may hold Envoy's format commands."""
    return HeaderValueOption(
        header=HeaderValue(key=name, value=value),
        append_action=HeaderValueOptionHeaderAppendAction.OVERWRITE_IF_EXISTS_OR_ADD,
    )


def present(name: str) -> HeaderMatcher:
    """Matches a request that has the header."""
    return HeaderMatcher(name=name, present_match=True)


def method(name: str) -> HeaderMatcher:
    """Matches a request of one method."""
    return HeaderMatcher(name=":method", string_match=StringMatcher(exact=name))


def strip_clients() -> TypedExtensionConfig:
    """Drop what only Envoy and this gateway may say, before any filter or route reads it."""
    mutations = [
        *(
            HeaderMutation(
                remove_on_match=HeaderMutationRemoveOnMatch(
                    key_matcher=StringMatcher(prefix=prefix, ignore_case=True)
                )
            )
            for prefix in STRIPPED_PREFIXES
        ),
        HeaderMutation(append=overwrite(SOURCE, "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%")),
        HeaderMutation(append=overwrite(ORIGINAL_PATH, "%PATH(NQ)%")),
    ]
    return TypedExtensionConfig(
        name="envoy.http.early_header_mutation.header_mutation",
        typed_config=Any.pack(EarlyHeaderMutation(mutations=mutations)),
    )
