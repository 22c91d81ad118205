/** The pages of the navigation, in its order. A page that is not here is reached by links alone. */
import type { ComponentType } from "react";
import {
  AuditIcon,
  CommandIcon,
  FirmwareIcon,
  FleetIcon,
  GroupIcon,
  HealthIcon,
  SettingsIcon,
  UserIcon,
} from "../parts/icons";
import type { Action } from "../session/access";
import type { Text } from "../text";

export type NavigationPage = {
  to:
    | "/devices"
    | "/commands"
    | "/firmware"
    | "/groups"
    | "/users"
    | "/audit"
    | "/settings"
    | "/health";
  name: keyof Text["shell"]["pages"];
  icon: ComponentType<{ size?: number }>;
  /** Who sees it. */
  action: Action;
  /** `g` and then this key goes there. */
  key: string;
  /** A line above it. */
  divided?: boolean;
};

export const PAGES: readonly NavigationPage[] = [
  { to: "/devices", name: "fleet", icon: FleetIcon, action: "read", key: "d" },
  { to: "/commands", name: "commands", icon: CommandIcon, action: "read", key: "c" },
  { to: "/firmware", name: "firmware", icon: FirmwareIcon, action: "read", key: "f" },
  { to: "/groups", name: "groups", icon: GroupIcon, action: "read", key: "g" },
  { to: "/users", name: "users", icon: UserIcon, action: "listUsers", key: "u", divided: true },
  { to: "/audit", name: "audit", icon: AuditIcon, action: "read", key: "a" },
  { to: "/settings", name: "settings", icon: SettingsIcon, action: "administer", key: "s" },
  { to: "/health", name: "health", icon: HealthIcon, action: "read", key: "h" },
];
