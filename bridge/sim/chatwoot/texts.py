"""What Chatwoot says, per account locale. Nobody should ever match on it (chatwoot-api.md 1.0)."""

from __future__ import annotations

from typing import Literal, TypeAlias

Locale: TypeAlias = Literal["en", "pt_BR"]

_ENGLISH = {
    "taken": "has already been taken",
    "invalid": "is invalid",
    "too_long": "is too long (maximum is {count} characters)",
    "failed": "Validation failed: {errors}",
    "deleted": "This message was deleted",
    "inbox_deleted": "Your inbox deletion request will be processed in some time.",
    "reopened_by_system": "System reopened the conversation due to a new incoming message.",
    "open": "Conversation was reopened by {who}",
    "resolved": "Conversation was marked resolved by {who}",
    "pending": "Conversation was marked as pending by {who}",
    "snoozed": "Conversation was snoozed by {who}",
    "assigned": "Assigned to {whom} by {who}",
    "unassigned": "Conversation unassigned by {who}",
    "labels_added": "{who} added {what}",
    "labels_removed": "{who} removed {what}",
    "csat": "Please rate this conversation, {url}",
    "auto_resolved": "Conversation was marked resolved by system due to inactivity",
}

_BRAZILIAN = {
    "taken": "já está em uso",
    "invalid": "não é válido",
    "too_long": "é muito longo (máximo: {count} caracteres)",
    "failed": "A validação falhou: {errors}",
    "deleted": "Esta mensagem foi excluída",
    "inbox_deleted": "A exclusão da caixa de entrada será processada em algum tempo.",
    "reopened_by_system": "O sistema reabriu a conversa por causa de uma nova mensagem recebida.",
    "open": "Conversa foi reaberta por {who}",
    "resolved": "Conversa foi marcada como resolvida por {who}",
    "pending": "Conversa foi marcada como pendente por {who}",
    "snoozed": "Conversa foi adiada por {who}",
    "assigned": "Atribuído a {whom} por {who}",
    "unassigned": "Conversa não atribuída por {who}",
    "labels_added": "{who} adicionou {what}",
    "labels_removed": "{who} removeu {what}",
    "csat": "Por favor, avalie esta conversa, {url}",
    "auto_resolved": "Conversa foi marcada como resolvida pelo sistema por inatividade",
}


def say(locale: Locale, key: str, **values: object) -> str:
    text = (_BRAZILIAN if locale == "pt_BR" else _ENGLISH)[key]
    return text.format(**values) if values else text
