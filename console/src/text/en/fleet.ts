export const fleet = {
  loading: (count: number) => `Loading ${count.toLocaleString("en")} devices…`,
  addTitle: "Add a device",
  addHint: "Run this on a machine that should be one. It appears here as soon as it is connected.",
  addLine: "Command that adds a device",
  addKeyHint: "is shown once, at the first start of the hub; an administrator makes a new one in the settings.",
  columns: {
    device: "Device",
    status: "Status",
    lastSeen: "Last seen",
    version: "Version",
    groups: "Groups",
    tags: "Tags",
  },
};
