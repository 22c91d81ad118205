export const fleet = {
  loading: (count: number) => `Loading ${count.toLocaleString("en")} devices…`,
  addTitle: "Add a device",
  addHint: "Run this on a machine that should be one. It appears here as soon as it is connected.",
  addLine: "Command that adds a device",
  addKeyHint:
    "Put the enrolment key in place of the dots. The hub showed it once, at its first start; an administrator makes a new one in the settings.",
  columns: {
    device: "Device",
    status: "Status",
    lastSeen: "Last seen",
    version: "Version",
    groups: "Groups",
    tags: "Tags",
  },
};
