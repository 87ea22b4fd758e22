"""The stand-in shows all sixty behaviours of chatwoot-api.md chapter 8: here is which test says so.

A number without a test, or a test that is gone, fails.
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from support.chatwoot_office import office

SHOWN_BY: dict[int, tuple[str, ...]] = {
    # Auth and errors
    1: ("test_errors", "test_both_spellings_of_the_token_and_bearer_for_newer_versions"),
    2: ("test_errors", "test_an_agent_bot_may_do_what_its_table_says"),
    3: ("test_errors",),
    4: ("test_validation_errors", "test_any_failure_of_a_create_is_422_with_an_error"),
    5: (
        "test_creates_answer_200_and_deletions_answer_nothing",
        "test_a_filter_miss_is_404_without_body",
    ),
    6: ("test_texts_follow_the_locale_of_the_account",),
    7: (
        "test_a_rate_limit_is_plain_text_without_retry_after",
        "test_a_500_has_a_json_body_and_lasts_until_switched_off",
        "test_stored_but_500",
    ),
    # Contacts
    8: ("test_the_phone_pattern_is_anchored_at_its_end_only", "test_validation_errors"),
    9: ("test_an_empty_identifier_counts_for_the_index_and_crashes_the_second_time",),
    10: ("test_emails_are_lowered_and_blank_ones_are_null",),
    11: ("test_an_update_merges_attributes_one_level_deep",),
    12: (
        "test_search_is_a_substring_over_resolved_contacts",
        "test_pages_have_fifteen_and_echo_the_query",
    ),
    13: ("test_the_filter_prepends_plus_and_finds_unresolved_contacts",),
    14: ("test_a_create_with_a_taken_source_crashes_and_stores_nothing",),
    15: ("test_a_binding_is_idempotent_for_its_triple_and_crashes_for_another_contact",),
    16: ("test_contactable_inboxes_give_the_latest_source_or_a_new_uuid_each_time",),
    17: ("test_contact_inboxes_can_be_left_out_and_activity_starts_with_a_message",),
    18: (
        "test_a_merge_moves_everything_and_the_base_wins",
        "test_a_merge_of_equal_ids_does_nothing_and_an_unknown_one_is_404",
    ),
    19: ("test_contact_conversations_are_twenty_at_most_with_the_busiest_first",),
    # Conversations
    20: ("test_ids_count_up_and_messages_share_one_sequence",),
    21: (
        "test_without_the_lock_every_create_makes_a_new_conversation",
        "test_with_the_lock_the_last_conversation_comes_back_unchanged",
        "test_a_missing_source_makes_a_new_binding_each_time",
        "test_validation_errors",
    ),
    22: ("test_blocked_contacts_start_resolved_and_bots_start_pending",),
    23: (
        "test_the_list_is_open_ones_by_default_and_narrows_by_source",
        "test_a_page_has_twenty_five_unless_updated_within",
        "test_conversations",
    ),
    24: (
        "test_toggling_without_a_status_and_with_an_unknown_one",
        "test_an_agent_who_opens_is_assigned_but_an_administrator_is_not",
        "test_conversations",
    ),
    25: ("test_custom_attributes_are_replaced_and_patch_takes_only_the_priority",),
    26: ("test_labels_are_replaced", "test_conversations", "test_unassigning_answers_null"),
    27: ("test_looking_clears_the_unread_count_without_a_webhook",),
    28: ("test_unassigning_answers_null", "test_message_created"),
    # Messages
    29: (
        "test_incoming_is_refused_outside_api_inboxes",
        "test_who_a_message_is_from",
    ),
    30: ("test_validation_errors",),
    31: ("test_validation_errors", "test_several_files_of_every_kind"),
    32: ("test_several_files_of_every_kind",),
    33: ("test_the_old_storage_keeps_three_attributes_and_the_newer_all",),
    34: ("test_a_reply_is_resolved_within_its_conversation",),
    35: ("test_sources_may_repeat_and_the_echo_is_only_in_the_answer",),
    36: ("test_liquid_touches_outgoing_messages_only",),
    37: ("test_the_windows_of_the_list",),
    38: ("test_status_reports_follow_their_rules", "test_validation_errors"),
    39: ("test_a_deletion_keeps_the_row_and_its_source",),
    40: ("test_a_retry_only_tells",),
    # Side effects
    41: (
        "test_an_incoming_message_reopens_with_an_activity",
        "test_outgoing_messages_and_blocked_contacts_never_reopen",
    ),
    42: (
        "test_greeting_comes_once_and_before_any_answer",
        "test_out_of_office_is_told_outside_the_hours",
        "test_templates",
        "test_the_end_of_a_quiet_conversation_is_told_by_nobody",
    ),
    43: ("test_the_first_answer_of_a_human_is_told_once", "test_a_status_is_told_twice"),
    44: ("test_only_online_members_are_assigned_by_itself",),
    # Webhooks
    45: (
        "test_inbox_webhooks_never_hear_of_contacts_and_activities",
        "test_account_webhooks_get_what_they_subscribed",
    ),
    46: ("test_own_posts_come_back",),
    47: ("test_inbox_webhooks_never_hear_of_contacts_and_activities", "test_message_created"),
    48: ("test_message_created",),
    49: ("test_the_payload_shows_the_state_at_delivery",),
    50: (
        "test_the_payload_shows_the_state_at_delivery",
        "test_a_shuffle_reorders_and_can_be_repeated",
        "test_events_can_be_doubled",
        "test_a_release_backwards_lets_a_deletion_overtake_its_creation",
    ),
    51: (
        "test_a_failed_delivery_marks_the_message_once_and_is_not_retried",
        "test_a_late_answer_is_a_failure",
        "test_nobody_listening_is_a_failure",
    ),
    52: (
        "test_the_signature_is_that_of_the_sample",
        "test_from_4_13_inbox_webhooks_are_signed_with_the_shown_secret",
        "test_before_4_13_they_are_not_signed",
        "test_private_addresses_can_be_refused",
    ),
    53: ("test_typing",),
    54: ("test_what_versions_make_of_the_text",),
    55: ("test_reading_through_the_public_api_marks_everything_read",),
    56: ("test_what_was_deleted_before_its_delivery_is_dropped",),
    57: (
        "test_the_next_requests_of_one_route_fail",
        "test_a_connection_is_reset_before_or_after_acting",
        "test_a_hang_lets_go_when_it_is_switched_off",
        "test_state_survives_a_restart_on_another_port",
        "test_jobs_outlive_a_restart",
    ),
    58: ("test_a_suspended_account_refuses_everybody",),
    59: ("test_several_files_of_every_kind", "test_expired_files_are_gone"),
    60: ("test_profile_account_version_and_agents",),
}


@pytest.fixture
async def at():
    async with office() as place:
        yield place


def test_every_behaviour_has_its_tests():
    written = {
        node.name
        for path in Path(__file__).parent.glob("test_chatwoot_*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    assert sorted(SHOWN_BY) == list(range(1, 61))
    assert {name for names in SHOWN_BY.values() for name in names} <= written


async def test_creates_answer_200_and_deletions_answer_nothing(at):
    made = await at.raw("POST", "/contacts", json={"name": "Ana"})
    assert made.status == 200
    contact = (await made.json())["payload"]["contact"]["id"]
    gone = await at.raw("DELETE", f"/contacts/{contact}")
    assert (gone.status, await gone.read()) == (200, b"")


async def test_labels_are_replaced(at):
    chat = await at.chat()
    path = f"/conversations/{chat.id}/labels"
    await at.call("POST", path, json={"labels": ["pedido", "vip"]})
    await at.call("POST", path, json={"labels": ["vip", "novo"]})
    assert await at.call("GET", path) == {"payload": ["vip", "novo"]}


async def test_the_end_of_a_quiet_conversation_is_told_by_nobody(at):
    chat = await at.chat()
    await at.incoming(chat)
    at.sim.auto_resolve(chat.id, "Encerramos por falta de resposta.")
    await at.sim.settled()
    (told,) = (body for body in at.hook.of("message_created") if body["message_type"] == "template")
    assert (told["content"], told["sender"]) == ("Encerramos por falta de resposta.", None)
    assert chat.status == "resolved"


async def test_a_status_is_told_twice(at):
    chat = await at.chat()
    await at.incoming(chat)
    await at.sim.settled()
    at.hook.bodies.clear()
    at.sim.resolve(chat.id)
    await at.sim.settled()
    (status,) = at.hook.of("conversation_status_changed")
    (updated,) = at.hook.of("conversation_updated")
    assert (status["status"], status["changed_attributes"]) == ("resolved", None)
    changed = {key for entry in updated["changed_attributes"] for key in entry}
    assert {"status", "updated_at"} <= changed
