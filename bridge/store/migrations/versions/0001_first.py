"""The first schema."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('chat',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('instance_id', sa.String(), nullable=False),
    sa.Column('person_id', sa.Integer(), nullable=False),
    sa.Column('party', sa.String(), nullable=False),
    sa.Column('source_id', sa.String(), nullable=True),
    sa.Column('conversation_id', sa.Integer(), nullable=True),
    sa.Column('status', sa.String(), nullable=True),
    sa.Column('assignee_id', sa.Integer(), nullable=True),
    sa.Column('conversation_updated_at', sa.Float(), nullable=False),
    sa.Column('fresh_at', sa.Integer(), nullable=False),
    sa.Column('last_inbound_at', sa.Integer(), nullable=False),
    sa.Column('merged_into', sa.Integer(), nullable=True),
    sa.Column('created_at', sa.Integer(), nullable=False),
    sa.PrimaryKeyConstraint('id'),
    sa.UniqueConstraint('instance_id', 'person_id')
    )
    with op.batch_alter_table('chat', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_chat_conversation_id'), ['conversation_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_chat_instance_id'), ['instance_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_chat_person_id'), ['person_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_chat_source_id'), ['source_id'], unique=False)

    op.create_table('contact',
    sa.Column('scope', sa.String(), nullable=False),
    sa.Column('person_id', sa.Integer(), nullable=False),
    sa.Column('contact_id', sa.Integer(), nullable=True),
    sa.Column('claimed_by', sa.String(), nullable=True),
    sa.Column('claimed_at', sa.Integer(), nullable=False),
    sa.Column('name', sa.String(), nullable=True),
    sa.PrimaryKeyConstraint('scope', 'person_id')
    )
    with op.batch_alter_table('contact', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_contact_contact_id'), ['contact_id'], unique=False)

    op.create_table('fact',
    sa.Column('name', sa.String(), nullable=False),
    sa.Column('value', sa.String(), nullable=False),
    sa.PrimaryKeyConstraint('name')
    )
    op.create_table('identity_key',
    sa.Column('scope', sa.String(), nullable=False),
    sa.Column('key', sa.String(), nullable=False),
    sa.Column('person_id', sa.Integer(), nullable=False),
    sa.Column('evidence', sa.String(), nullable=False),
    sa.Column('learnt_at', sa.Integer(), nullable=False),
    sa.PrimaryKeyConstraint('scope', 'key')
    )
    with op.batch_alter_table('identity_key', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_identity_key_person_id'), ['person_id'], unique=False)

    op.create_table('instance',
    sa.Column('id', sa.String(), nullable=False),
    sa.Column('name', sa.String(), nullable=False),
    sa.Column('integration', sa.String(), nullable=False),
    sa.Column('key_hash', sa.String(), nullable=False),
    sa.Column('number', sa.String(), nullable=True),
    sa.Column('business_id', sa.String(), nullable=True),
    sa.Column('sealed_token', sa.String(), nullable=True),
    sa.Column('sealed_app_secret', sa.String(), nullable=True),
    sa.Column('sealed_verify_token', sa.String(), nullable=True),
    sa.Column('sealed_options', sa.String(), nullable=False),
    sa.Column('created_at', sa.Integer(), nullable=False),
    sa.Column('updated_at', sa.Integer(), nullable=False),
    sa.PrimaryKeyConstraint('id'),
    sa.UniqueConstraint('key_hash'),
    sa.UniqueConstraint('name'),
    sa.UniqueConstraint('number')
    )
    op.create_table('job',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('lane', sa.String(), nullable=False),
    sa.Column('position', sa.Integer(), nullable=False),
    sa.Column('rank', sa.Integer(), nullable=False),
    sa.Column('kind', sa.String(), nullable=False),
    sa.Column('road', sa.String(), nullable=False),
    sa.Column('instance_id', sa.String(), nullable=True),
    sa.Column('chat_id', sa.Integer(), nullable=True),
    sa.Column('peer', sa.String(), nullable=False),
    sa.Column('account', sa.String(), nullable=False),
    sa.Column('ref', sa.String(), nullable=True),
    sa.Column('payload', sa.LargeBinary(), nullable=False),
    sa.Column('state', sa.String(), nullable=False),
    sa.Column('attempts', sa.Integer(), nullable=False),
    sa.Column('accepted_at', sa.Integer(), nullable=False),
    sa.Column('due_at', sa.Integer(), nullable=False),
    sa.Column('unknown_since', sa.Integer(), nullable=True),
    sa.Column('failing_since', sa.Integer(), nullable=True),
    sa.Column('cause', sa.String(), nullable=True),
    sa.Column('reason', sa.String(), nullable=True),
    sa.Column('failure', sa.Integer(), nullable=False),
    sa.Column('ended_at', sa.Integer(), nullable=True),
    sa.Column('trace', sa.String(), nullable=False),
    sa.Column('trace_id', sa.String(), nullable=True),
    sa.PrimaryKeyConstraint('id'),
    sqlite_autoincrement=True
    )
    with op.batch_alter_table('job', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_job_chat_id'), ['chat_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_job_instance_id'), ['instance_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_job_ref'), ['ref'], unique=False)
        batch_op.create_index('job_ended', ['state', 'ended_at'], unique=False, sqlite_where=sa.text("state<>'waiting'"))
        batch_op.create_index('job_waiting', ['lane', 'position', 'rank', 'id'], unique=False, sqlite_where=sa.text("state='waiting'"))

    op.create_table('ledger',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('instance_id', sa.String(), nullable=False),
    sa.Column('chat_id', sa.Integer(), nullable=False),
    sa.Column('job_id', sa.Integer(), nullable=True),
    sa.Column('origin', sa.String(), nullable=False),
    sa.Column('part', sa.Integer(), nullable=False),
    sa.Column('whatsapp_id', sa.String(), nullable=True),
    sa.Column('chatwoot_id', sa.Integer(), nullable=True),
    sa.Column('conversation_id', sa.Integer(), nullable=True),
    sa.Column('tag', sa.String(), nullable=True),
    sa.Column('state', sa.String(), nullable=False),
    sa.Column('state_at', sa.Integer(), nullable=False),
    sa.Column('cause', sa.String(), nullable=True),
    sa.Column('reason', sa.String(), nullable=True),
    sa.Column('created_at', sa.Integer(), nullable=False),
    sa.PrimaryKeyConstraint('id'),
    sa.UniqueConstraint('tag')
    )
    with op.batch_alter_table('ledger', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_ledger_chat_id'), ['chat_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_ledger_created_at'), ['created_at'], unique=False)
        batch_op.create_index(batch_op.f('ix_ledger_job_id'), ['job_id'], unique=False)
        batch_op.create_index('ledger_chatwoot', ['instance_id', 'chatwoot_id'], unique=False)
        batch_op.create_index('ledger_whatsapp', ['instance_id', 'whatsapp_id'], unique=False)

    op.create_table('person',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('scope', sa.String(), nullable=False),
    sa.Column('merged_into', sa.Integer(), nullable=True),
    sa.Column('created_at', sa.Integer(), nullable=False),
    sa.PrimaryKeyConstraint('id')
    )
    op.create_table('seen',
    sa.Column('key', sa.String(), nullable=False),
    sa.Column('at', sa.Integer(), nullable=False),
    sa.PrimaryKeyConstraint('key'),
    sqlite_with_rowid=False
    )
    with op.batch_alter_table('seen', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_seen_at'), ['at'], unique=False)

    op.create_table('tally',
    sa.Column('road', sa.String(), nullable=False),
    sa.Column('outcome', sa.String(), nullable=False),
    sa.Column('cause', sa.String(), nullable=False),
    sa.Column('n', sa.Integer(), nullable=False),
    sa.PrimaryKeyConstraint('road', 'outcome', 'cause')
    )
    op.create_table('chatwoot_inbox',
    sa.Column('instance_id', sa.String(), nullable=False),
    sa.Column('enabled', sa.Boolean(), nullable=False),
    sa.Column('url', sa.String(), nullable=False),
    sa.Column('account_id', sa.Integer(), nullable=False),
    sa.Column('sealed_token', sa.String(), nullable=False),
    sa.Column('sign_msg', sa.Boolean(), nullable=False),
    sa.Column('sign_delimiter', sa.String(), nullable=True),
    sa.Column('reopen_conversation', sa.Boolean(), nullable=False),
    sa.Column('conversation_pending', sa.Boolean(), nullable=False),
    sa.Column('merge_brazil_contacts', sa.Boolean(), nullable=False),
    sa.Column('name_inbox', sa.String(), nullable=False),
    sa.Column('organization', sa.String(), nullable=True),
    sa.Column('logo', sa.String(), nullable=True),
    sa.Column('auto_create', sa.Boolean(), nullable=False),
    sa.Column('options', sa.String(), nullable=False),
    sa.Column('sealed_hook', sa.String(), nullable=False),
    sa.Column('inbox_id', sa.Integer(), nullable=True),
    sa.Column('inbox_identifier', sa.String(), nullable=True),
    sa.Column('sealed_signing_secret', sa.String(), nullable=True),
    sa.Column('made_by_us', sa.Boolean(), nullable=False),
    sa.Column('lock_to_single', sa.Boolean(), nullable=False),
    sa.Column('bot_contact_id', sa.Integer(), nullable=True),
    sa.Column('bot_conversation_id', sa.Integer(), nullable=True),
    sa.Column('provisioned_at', sa.Integer(), nullable=True),
    sa.Column('updated_at', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['instance_id'], ['instance.id'], ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('instance_id'),
    sa.UniqueConstraint('url', 'account_id', 'inbox_id')
    )


def downgrade() -> None:
    raise NotImplementedError("Restore a backup instead.")
