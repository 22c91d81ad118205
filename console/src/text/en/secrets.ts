export const secrets = {
  title: "Secrets",
  hint: 'Values that commands name instead of holding them: {"$secret":"name"}, or {"$secret":"name/key"} where there are several. Nobody reads them back, here neither.',
  none: "No secrets.",
  name: "Name",
  keys: "Keys",
  version: "Version",
  by: "Made by",
  changed: "Changed",
  add: "New secret…",
  addTitle: "New secret",
  made: (name: string) => `${name} is kept.`,
  replace: "Replace…",
  replaceOf: (name: string) => `Replace the values of ${name}`,
  replaceHint:
    "All of them: a key that is not here is gone. What waits is sent the values that are kept when it is sent.",
  replaced: (name: string) => `${name} has other values from now on.`,
  deleteOf: (name: string) => `Delete the secret ${name}`,
  deleteTitle: (name: string) => `Delete the secret ${name}?`,
  deleteHint:
    "A command that names it and was not sent yet is cancelled. The values cannot be had back.",
  delete: "Delete",
};
