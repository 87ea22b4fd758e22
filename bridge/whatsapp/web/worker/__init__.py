"""The worker: one number's engine, in a process of its own.

Of the bridge it imports `bridge.whatsapp.web.codec` alone; nobody else imports anything of it.
"""
