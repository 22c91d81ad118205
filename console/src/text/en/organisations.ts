export const organisations = {
  name: "Name",
  id: "ID",
  idHint: "Small letters, digits and - or _. It stays, and is never used again.",
  created: "Created",
  create: "New organisation",
  createHint: "You are its first administrator, and find it in your menu.",
  here: "this one",
  rename: "Rename",
  delete: "Delete",
  actions: (name: string) => `Actions for ${name}`,
  deleteTitle: (name: string) => `Delete ${name}?`,
  deleteHint:
    "Every session, key and device of it is shut out at once. Its devices, history and files are deleted for good.",
  ended: (name: string) => `${name} is being deleted.`,
  none: "Only the administrator of the installation sees organisations.",
};
