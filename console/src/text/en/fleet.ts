import { number } from "../format";
import { common } from "./common";

const { plural } = common;

export const fleet = {
  loading: (count: number) => `Loading, ${number(count)} so far`,
  count: (shown: number, all: number) =>
    shown === all
      ? plural(all, "device", "devices")
      : `${number(shown)} of ${plural(all, "device", "devices")}`,
  connected: (count: number) => `${number(count)} connected`,
  addTitle: "Add a device",
  addHint:
    "Run one of these on the machine that is to become a device. It appears here as soon as it is connected.",
  columns: {
    name: "Device",
    status: "Status",
    lastSeen: "Last seen",
    version: "Version",
    groups: "Groups",
    tags: "Tags",
  },
  columnsMenu: "Columns",
  search: "Search name, ID or tag",
  clearSearch: "Clear the search",
  filters: "Filters",
  filter: {
    status: "Status",
    connected: "Connection",
    isConnected: "Connected",
    isNotConnected: "Not connected",
    group: "Group",
    tag: "Tag",
    version: "Version",
  },
  clear: "Clear filters",
  noMatch: "No device matches",
  noMatchHint: "Devices are there, but none with all of these filters.",
  views: "Views",
  noViews: "Save the current filters and order under a name.",
  viewName: "Name of this view",
  deleteView: (name: string) => `Delete the view ${name}`,
  blocked: "blocked",
  quarantined: "quarantine",
  choose: (name: string) => `Select ${name}`,
  chooseAll: (count: number) => `Select all ${number(count)} that match`,
  chosen: (count: number) => `${number(count)} selected`,
  chosenHidden: (count: number, hidden: number) =>
    `${number(count)} selected, ${number(hidden)} not shown here`,
  showChosen: "Show them",
  dropHidden: "Leave out what is not shown",
  showMatching: "Show all that match again",
  chooseNone: "Clear selection",
  chooseMatching: (count: number) => `Select all ${number(count)} that match`,
  send: "Send a command",
  export: "Export CSV",
};
