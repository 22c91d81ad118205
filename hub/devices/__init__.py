"""The devices of an organisation: enrolment, what is known of them, their standing."""
