"""Every option of Ponte, once: type, default and meaning.

Sources, strongest first: environment (`PONTE_SERVER__PORT=8080`), secret files (the same name with
`_FILE` appended holds a path, as Docker and Kubernetes mount them), a TOML file, the default.
`config.example.toml` is generated from this module (`ponte config example`).
"""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
)
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from bridge.clock import timezones
from bridge.core.rule_reading import RulesWrong, read_rules
from bridge.errors import SetupError

ENV_PREFIX = "PONTE_"
FILE_SUFFIX = "_FILE"
DEFAULT_CONFIG = Path("config.toml")

#: Keys that stand in other people's documentation or examples: never acceptable.
KNOWN_KEYS = frozenset(
    {"change-me", "changeme", "mude-me", "429683C4C977415CAAFCCE10F7D57E11", "BQYHJGJHJ"}
)
SHORTEST_KEY = 16


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Server(Section):
    host: str = Field("127.0.0.1", description="Address to listen on; 0.0.0.0 for all interfaces.")
    port: int = Field(8080, ge=0, le=65535, description="Port to listen on; 0 picks a free one.")
    public_url: str = Field(
        "http://127.0.0.1:8080",
        pattern=r"^https?://[^\s]+$",
        description="How Chatwoot and Meta reach this service. Webhook addresses are made of it.",
    )
    max_body_mb: int = Field(16, ge=1, le=256, description="Largest request body, in MB.")
    drain_seconds: float = Field(
        20, ge=0, description="How long running jobs may take to finish after SIGTERM."
    )
    allowed_origins: list[str] = Field(
        default_factory=lambda: ["*"],
        description="Pages that may call the API from a browser (CORS): origins such as "
        "https://panel.example, or * for all. A page still needs a key; there are no cookies.",
    )
    trusted_proxies: list[str] = Field(
        default_factory=list,
        description="Addresses or networks (10.0.0.0/8) of your reverse proxies. From these alone "
        "X-Forwarded-For is believed: failed keys are counted by the caller's own address.",
    )


class Auth(Section):
    api_key: SecretStr | None = Field(
        None,
        description="The global API key (header `apikey`): creates, lists and deletes instances. "
        "Required; at least 16 characters. Make one with `ponte config key`.",
    )
    failures_per_minute: int = Field(
        30,
        ge=0,
        description="Wrong keys from one address in a minute, before it gets 429 for a while "
        "(callers whose key was right lately do not). 0: no limit.",
    )


class Api(Section):
    dialect: Literal["auto", "v1", "v2", "l2"] = Field(
        "auto",
        description="In which API's form we answer. auto: by the header X-Api-Dialect, the path "
        "prefix /whatsapp, the body, else how the instance was created.",
    )
    v1_shape: Literal["auto", "legacy", "modern"] = Field(
        "auto",
        description="Which Evolution v1: legacy is 1.0 to 1.4, modern 1.5 to 1.8. auto: by the "
        "fields of the request.",
    )
    fetch_instances: Literal["v1", "v2"] = Field(
        "v2", description="The form of /instance/fetchInstances when the caller does not say."
    )
    expose_secrets: bool = Field(
        False,
        description="Show Chatwoot tokens and proxy passwords to the global key, as Evolution "
        "does. Instance keys are stored hashed and are never shown again.",
    )
    probe_seconds: float = Field(
        8, gt=0, description="Time limit of each probe (Chatwoot, proxy, Typebot) in a create."
    )
    qr_wait_seconds: float = Field(
        20, ge=0, description="How long create and connect wait for the first QR code."
    )


class ZApi(Section):
    partner_token: SecretStr | None = Field(
        None,
        description="The token with which partners create instances on demand "
        "(Authorization: Bearer). Without it these routes are closed.",
    )
    client_token: SecretStr | None = Field(
        None,
        description="When set, calls to an instance must carry it in the header Client-Token.",
    )
    trial_hours: float = Field(
        48, gt=0, description="How long an instance made on demand may live without subscription."
    )
    warning_hours: float = Field(
        24, ge=0, description="How long before its end a trial is warned of."
    )
    delete_unsubscribed: bool = Field(
        True, description="Delete trials that ended. false: they stay, and are only warned of."
    )
    due_as: Literal["string", "number"] = Field(
        "string", description="How the end of a trial (ms) is written: their page shows a string."
    )


class Storage(Section):
    data_dir: Path = Field(
        Path("data"), description="Folder of the database, the spool and the key file."
    )
    secret_keys: list[SecretStr] = Field(
        default_factory=list,
        description="Keys that encrypt stored tokens, newest first (rotation: list new and old, "
        "then run `ponte config rotate`). Empty: the file secret.key in data_dir, made at the "
        "first start.",
    )
    readers: int = Field(2, ge=1, le=8, description="Connections that read beside the one writer.")


class Network(Section):
    allowed_private_hosts: list[str] = Field(
        default_factory=list,
        description="Private hosts that may be called: names (rails, *.internal), addresses or "
        "networks (10.0.0.0/8). For Chatwoot, its storage (minio) and Typebot inside your network.",
    )


class Cloud(Section):
    base_url: str = Field(
        "https://graph.facebook.com", description="Where the WhatsApp Cloud API answers."
    )
    version: str = Field("v26.0", pattern=r"^v\d+\.\d+$", description="Version of the Graph API.")
    media_host: str | None = Field(
        None, description="Host that serves received files, when it is not Meta's own."
    )
    app_secrets: list[SecretStr] = Field(
        default_factory=list,
        description="Secrets of your Meta apps: webhooks signed with any of them are accepted. "
        "List the old and the new one while you rotate.",
    )
    verify_token: SecretStr | None = Field(
        None, description="The verify token that you enter beside the webhook address at Meta."
    )
    timeout_seconds: float = Field(20, gt=0, description="Time limit of one call to Meta.")
    max_media_mb: int = Field(64, ge=1, le=2048, description="Largest received file, in MB.")
    messages_per_second: float = Field(
        80, gt=0, description="How fast one number sends: Meta's 80, or more once it raised yours."
    )
    pair_burst: int = Field(
        40, ge=1, description="Messages to one person at once, before the pause below applies."
    )
    pair_pause_seconds: float = Field(
        6, gt=0, description="After a burst, the pause between messages to one person."
    )


class WhatsAppWeb(Section):
    base_url: str = Field(
        "https://web.whatsapp.com",
        description="What a proxy of a number connected by QR code is tested with.",
    )
    device_name: str = Field(
        "Ponte",
        min_length=1,
        max_length=50,
        description="The name of this device on the phone's list of connected devices.",
    )
    revision: int | None = Field(
        None,
        ge=1_000_000_000,
        le=1_999_999_999,
        description="Only when WhatsApp refuses every number as outdated (405) and no newer Ponte "
        "is at hand: the last part of the WhatsApp Web version to claim (2.3000.<revision>).",
    )
    start_seconds: float = Field(
        15, gt=0, description="Time in which a worker must show a QR code or be connected."
    )
    pairing_seconds: float = Field(
        30, gt=0, description="Time between a scanned QR code and the open connection."
    )
    qr_seconds: float = Field(
        170, gt=0, description="How long QR codes are shown before a person must ask anew."
    )
    heartbeat_seconds: float = Field(
        20, gt=0, description="How often a worker is asked whether it lives; three silences end it."
    )
    send_seconds: float = Field(
        90,
        gt=0,
        description="Time limit of one send; afterwards its outcome is unknown. A file has a "
        "second more for each 128 KiB.",
    )
    messages_per_second: float = Field(
        2, gt=0, le=100, description="Sends of one number on average, against bans."
    )
    burst: int = Field(10, ge=1, le=1000, description="Sends of one number at once, at most.")
    pair_pause_seconds: float = Field(
        1, ge=0, description="Pause between two sends to one person, after a burst of three."
    )
    max_media_mb: int = Field(64, ge=1, le=2048, description="Largest received file, in MB.")
    most_codes: int = Field(
        50,
        ge=1,
        le=10_000,
        description="Numbers that show a QR code at the same time, at most. Each is a process of "
        "about 50 MB, without a phone yet.",
    )


class Chatwoot(Section):
    timeout_seconds: float = Field(15, gt=0, description="Time limit of one call to Chatwoot.")
    slots: int = Field(
        24, ge=1, le=256, description="Calls at the same time to one Chatwoot server."
    )
    reopen_conversation: bool = Field(
        False, description="Used when a create request does not say chatwootReopenConversation."
    )
    hold_ms: int = Field(
        150,
        ge=0,
        le=5000,
        description="How long an agent's message waits for one that Chatwoot sent out of order.",
    )
    check_minutes: float = Field(
        60,
        ge=1,
        description="How often each inbox is compared with what Ponte knows of it: webhook "
        "address, signing secret, bot contact, and whether an older backup was put in place.",
    )
    catch_up_hours: float = Field(
        24,
        ge=0,
        description="How far back Ponte looks, after a stop of its own or an outage of the "
        "webhook, for what agents wrote meanwhile. What is found too late to be sent is marked as "
        "failed; what is older than this is left as Chatwoot marked it.",
    )
    proof_delay_seconds: float = Field(
        20,
        ge=0,
        description="How long after an unanswered create we look whether it happened after all.",
    )
    max_media_mb: int = Field(100, ge=1, le=2048, description="Largest file of an agent, in MB.")


class Relay(Section):
    not_after_seconds: float = Field(
        3600, gt=0, description="An agent's message older than this is not sent but marked failed."
    )
    uncertain_after_seconds: float = Field(
        30,
        ge=0,
        description="How long a send of unknown outcome waits for a status before it is marked "
        "uncertain.",
    )
    sent_wait_seconds: float = Field(
        2, ge=0, description="In a burst, how long a message waits for `sent` of the one before."
    )
    language: Literal["pt_BR", "en", "es"] = Field(
        "pt_BR",
        description="Language of the texts that people read, where an instance has none: its own "
        "option `language` counts first, then that of its Chatwoot account, if it is one of these.",
    )
    alert_after_minutes: float = Field(
        5,
        gt=0,
        description="A Chatwoot that cannot be used for so long is mentioned in the conversations "
        "of the bots, once it is back.",
    )
    conversation_rules: list[dict[str, Any]] = Field(
        default_factory=list,
        description="Rules about conversations that hold for every inbox, after its own: where "
        "messages go, and what is not shown (docs/conversations.md). For example "
        '{ when = { resolvedFor = { moreThan = "30d" } }, do = "new" }.',
    )
    deletions: Literal["keep", "delete"] = Field(
        "keep",
        description="What people delete on WhatsApp: it stays for agents, with a note below it, "
        "or it is deleted in Chatwoot too.",
    )
    view_once: Literal["show", "placeholder"] = Field(
        "show",
        description="Pictures, videos and voice notes that are to be seen once: shown and marked "
        "as such, or only said to be there.",
    )
    show_typing: bool = Field(
        True, description="Customers see when an agent writes, where the number can show it."
    )
    show_delivered: bool = Field(
        False,
        description="Tell Chatwoot when a message has reached the customer's phone. Chatwoot "
        "shows that as a clock until it is read.",
    )
    voice_notes: bool = Field(
        True,
        description="Sound that an agent sends becomes a voice note; needs the optional part "
        "`voice`. false, or without that part: it goes as an audio file.",
    )
    file_wait_seconds: float = Field(
        10,
        ge=0,
        le=120,
        description="How long after an agent's message Chatwoot may take to store its file.",
    )

    @field_validator("conversation_rules")
    @classmethod
    def _are_rules(cls, value: list[dict[str, Any]]) -> list[dict[str, Any]]:
        try:
            read_rules(value, timezones=timezones() if value else None)
        except RulesWrong as wrong:
            raise ValueError("; ".join(wrong.faults)) from None
        return value


class Typebot(Section):
    timeout_seconds: float = Field(
        60,
        gt=0,
        le=300,
        description="How long Typebot may take for one answer: the flow's own requests and AI "
        "blocks run in it. After that a human has the word.",
    )
    connect_patience_seconds: float = Field(
        30,
        ge=0,
        description="How long a Typebot that cannot be reached is tried before a human has the "
        "word.",
    )
    slots: int = Field(
        32,
        ge=1,
        le=1024,
        description="Calls at the same time to one Typebot, and of one instance to all of them.",
    )
    newest_minutes: float = Field(
        10, gt=0, description="Texts older than this (after an outage, say) start no turn of a bot."
    )
    burst_seconds: float = Field(
        8,
        ge=0,
        description="So long after the first message of a burst the bot answers at the latest.",
    )
    most_wait_seconds: float = Field(
        10, ge=0, le=3600, description="A Wait block of a flow waits so long at the most."
    )
    client_http: bool = Field(
        True,
        description="Make the requests that a flow wants its client to make; private addresses "
        "are refused unless allowed_private_hosts names them.",
    )
    media_hours: float = Field(
        24, gt=0, description="How long a flow can fetch a file that a person sent, from us."
    )
    timezone: str = Field(
        "America/Sao_Paulo",
        description='In which a person\'s "tomorrow" is read, where the inbox has no time zone.',
    )
    country: str = Field(
        "BR",
        pattern="^[A-Z]{2}$",
        description="Of which phone numbers without a country code are.",
    )


class Engine(Section):
    slots: int = Field(128, ge=1, le=1024, description="Jobs at the same time, all peers together.")
    park_after_seconds: float = Field(
        300,
        gt=0,
        description="A message that fails alone for so long, while others succeed, steps aside.",
    )
    retry_delays_seconds: list[float] = Field(
        default_factory=lambda: [0.0, 2, 10, 60, 300, 1800, 7200, 21600, 43200, 86400],
        description="Longest wait before each retry; the real wait is chance up to it.",
    )
    breaker_failures: int = Field(
        4, ge=1, description="Failures in a row, without a success, that open a peer's breaker."
    )
    breaker_probe_seconds: list[float] = Field(
        default_factory=lambda: [1.0, 2, 5, 10, 30],
        description="Waits before each next probe of a peer that is down; the last repeats.",
    )


class Retention(Section):
    jobs_days: float = Field(30, gt=0, description="Ended jobs with their traces and payloads.")
    dead_days: float = Field(90, gt=0, description="Dead letters.")
    seen_days: float = Field(
        8, ge=8, description="Keys of events already seen. Meta repeats events for 7 days."
    )
    ledger_days: float = Field(
        180,
        gt=8,
        description="Which WhatsApp message is which Chatwoot message (quotes, statuses).",
    )
    events_days: float = Field(30, gt=0, description="What happened to instances' connections.")
    audit_days: float = Field(365, gt=0, description="Who did what over the API.")
    history_days: float = Field(
        180, gt=0, description="Older messages that a channel told of, for an import; not shown."
    )
    merges_days: float = Field(
        180,
        gt=0,
        description="Chatwoot contacts that were merged, as they were before, and plans of merges.",
    )


class Log(Section):
    level: Literal["debug", "info", "warning", "error"] = Field("info", description="Least level.")
    format: Literal["json", "text"] = Field("json", description="One JSON object a line, or text.")


class Settings(BaseSettings):
    """The whole configuration; frozen. Use `load`."""

    model_config = SettingsConfigDict(
        env_prefix=ENV_PREFIX,
        env_nested_delimiter="__",
        extra="forbid",
        frozen=True,
        nested_model_default_partial_update=True,
    )

    server: Server = Field(default_factory=Server, description="The HTTP service.")
    auth: Auth = Field(default_factory=Auth, description="Who may use the API.")
    api: Api = Field(default_factory=Api, description="The dialects of the API.")
    z_api: ZApi = Field(default_factory=ZApi, description="Instances on demand, as Z-API has them.")
    storage: Storage = Field(default_factory=Storage, description="Where everything is kept.")
    network: Network = Field(default_factory=Network, description="Outgoing calls.")
    cloud: Cloud = Field(default_factory=Cloud, description="WhatsApp Cloud API (Meta).")
    whatsapp_web: WhatsAppWeb = Field(
        default_factory=WhatsAppWeb, description="Numbers connected by QR code."
    )
    chatwoot: Chatwoot = Field(default_factory=Chatwoot, description="Chatwoot servers.")
    relay: Relay = Field(default_factory=Relay, description="How messages are relayed.")
    typebot: Typebot = Field(default_factory=Typebot, description="How flows are run.")
    engine: Engine = Field(default_factory=Engine, description="Durable work and retries.")
    retention: Retention = Field(default_factory=Retention, description="How long things are kept.")
    log: Log = Field(default_factory=Log, description="Logs on standard error.")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003  (the signature is pydantic's)
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        if isinstance(env_settings, EnvSettingsSource):  # secret files are read by `load`
            env_settings.env_vars = {
                name: value
                for name, value in env_settings.env_vars.items()
                if not name.upper().endswith(FILE_SUFFIX)
            }
        return env_settings, init_settings


Config = Annotated[Path | None, "path of a TOML file, or None for config.toml if it is there"]


def load(config: Config = None) -> Settings:
    """Read all sources. Raises `SetupError` that names each wrong option and where it was set."""
    path = config or _configured_path()
    values: dict[str, Any] = {}
    if path is not None:
        try:
            values = tomllib.loads(path.read_text("utf-8"))
        except OSError as error:
            raise SetupError(
                f"The configuration file {path} cannot be read: {error.strerror}."
            ) from error
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise SetupError(
                f"The configuration file {path} is not valid TOML: {error}."
            ) from error
    for section, option, value in _secret_files():
        part = values.setdefault(section, {})
        if isinstance(part, dict):
            part[option] = value
    try:
        return Settings(**values)
    except SettingsError as error:
        raise SetupError(
            f"The environment is not valid: {error}.",
            advice='A list is written as JSON there: \'["rails", "minio"]\'.',
        ) from error
    except ValidationError as error:
        lines = [
            f"- {'.'.join(map(str, e['loc']))}: {e['msg'].removeprefix('Value error, ')}"
            for e in error.errors()
        ]
        where = f"{path} and the environment" if path else "the environment"
        raise SetupError(
            f"The configuration ({where}) is not valid:\n" + "\n".join(lines),
            advice="\nconfig.example.toml explains every option.",
        ) from error


def require_key(settings: Settings) -> str:
    """The global API key, or a `SetupError` that says how to make one."""
    key = settings.auth.api_key.get_secret_value() if settings.auth.api_key else ""
    if key and key not in KNOWN_KEYS and len(key) >= SHORTEST_KEY:
        return key
    why = (
        "is not set"
        if not key
        else "is a published example"
        if key in KNOWN_KEYS
        else f"is shorter than {SHORTEST_KEY} characters"
    )
    raise SetupError(
        f"The global API key (auth.api_key) {why}.",
        advice=(
            "Set PONTE_AUTH__API_KEY (or PONTE_AUTH__API_KEY_FILE, or api_key under [auth] in "
            "config.toml) to a long random text. `ponte config key` prints a good one."
        ),
    )


def _configured_path() -> Path | None:
    named = os.environ.get(f"{ENV_PREFIX}CONFIG")
    if named:
        return Path(named)
    return DEFAULT_CONFIG if DEFAULT_CONFIG.exists() else None


def _secret_files() -> list[tuple[str, str, Any]]:
    """Options whose value lies in a file: PONTE_AUTH__API_KEY_FILE=/run/secrets/key."""
    found: list[tuple[str, str, Any]] = []
    for name, target in os.environ.items():
        if not (name.startswith(ENV_PREFIX) and name.endswith(FILE_SUFFIX) and "__" in name):
            continue
        section, _, option = name.removeprefix(ENV_PREFIX).removesuffix(FILE_SUFFIX).partition("__")
        try:
            text = Path(target).read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise SetupError(f"{name} names a file that cannot be read: {error}.") from error
        many = option.lower() in {
            "app_secrets",
            "secret_keys",
            "allowed_private_hosts",
            "trusted_proxies",
            "allowed_origins",
        }
        found.append((section.lower(), option.lower(), text.split() if many else text))
    return found
