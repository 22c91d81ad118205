export const settings = {
  saved: "Saved. It applies on every replica.",
  overridden: "Set by the hub's environment",
  overriddenHint: (variable: string) =>
    `${variable} is set where the hub runs and overrides what is stored here.`,
  enrollment: {
    title: "Enrolment",
    auto: "Register unknown devices",
    autoHint:
      "A new device that shows the enrolment key appears by itself. Turn it off when the fleet is complete, and register devices one by one.",
    again: "Enrol known devices again",
    againChoices: {
      offline: "When they are away",
      always: "At any time",
      never: "Never",
    },
    againHints: {
      offline:
        "Whoever shows the enrolment key gets a new token for a device that is not connected, and has not just been.",
      always:
        "Whoever shows the enrolment key gets a new token for any device, also for one that is connected.",
      never: "A device that has lost its token is deleted here and registered anew.",
    },
    key: "Enrolment key",
    keyHint:
      "Devices show it once and get tokens of their own. It is not shown again here: make a new one when you need it.",
    renew: "New key…",
    renewTitle: "Make a new enrolment key?",
    renewHint:
      "The old key stops working at once: whoever still enrols with it is refused. Devices that are enrolled stay connected.",
    renewAct: "Make a new key",
    newKey: "The new enrolment key",
    done: "Done",
  },
  signingIn: {
    title: "Signing in",
    factor: "Administrators show",
    factors: {
      none: "A password",
      second_factor: "A second factor",
      passkey: "A passkey",
    },
    factorHints: {
      none: "A password is enough, unless somebody has set up an authenticator program.",
      second_factor:
        "A code of an authenticator program, or a passkey. Who has neither can do nothing but add one.",
      passkey: "A passkey. Who has none can do nothing but add one.",
    },
    provider: "Members sign in by a provider",
    providerHint:
      "A password or passkey of the hub is refused then. Administrators may go on with theirs, for when the provider is away.",
  },
  retention: {
    title: "Retention",
    hint: "How long things are kept. What is older goes within ten minutes, on every replica, and does not come back.",
    fields: {
      rawHours: "Status and events",
      logDays: "Log lines",
      metricDays: "Metrics",
      commandDays: "Ended commands",
      auditDays: "Audit log",
      edgeDays: "Production records",
      cloudDays: "Sent to the cloud",
    },
    hours: "hours",
    days: "days",
    save: "Save retention",
    lessTitle: "Keep less?",
    lessHint: "What is older is deleted within ten minutes and cannot be brought back:",
    less: (what: string, from: number, to: number, unit: string) =>
      `${what}: ${to} instead of ${from} ${unit}`,
    lessAct: "Keep less",
  },
  signing: {
    title: "Firmware signing keys",
    hint: "Public parts of the Ed25519 keys that sign releases. Once there is one, a signature that fits none is refused. The private part never comes here.",
    none: "No keys: signatures are kept unchecked.",
    name: "Name",
    key: "Public key",
    keyHint: "What longline firmware keygen prints: 32 bytes in base64.",
    by: "Added by",
    created: "Added",
    add: "Add a key",
    addTitle: "Add a signing key",
    added: "The key is added.",
    delete: "Delete",
    deleteTitle: (name: string) => `Delete the key ${name}?`,
    deleteHint: "A key that has signed a release cannot be deleted.",
  },
  schema: {
    title: "Configuration schema",
    hint: "A JSON Schema that every desired configuration must satisfy. A push that would violate it is refused.",
    none: "None: any object may be desired.",
    label: "JSON Schema",
    save: "Save schema",
    begin: "Write a schema",
    notJson: (why: string) => `This is not valid JSON: ${why}`,
    noObject: "A schema must be a JSON object.",
    saved: "The schema applies from now on.",
    updated: (who: string) => `last changed by ${who}`,
    delete: "Delete schema",
    deleteTitle: "Delete the schema?",
    deleteHint: "Any object may be desired from then on. What devices have stays as it is.",
    deleted: "The schema is deleted.",
  },
};
