/** The pages of the navigation, in its order. A page that is not here is reached by links alone. */
import type { ComponentType } from "react";
import {
  ApplicationIcon,
  ApprovalIcon,
  AuditIcon,
  CampaignIcon,
  CommandIcon,
  FirmwareIcon,
  FleetIcon,
  GroupIcon,
  HealthIcon,
  ScheduleIcon,
  SettingsIcon,
  UserIcon,
} from "../parts/icons";
import type { May, Right } from "../session/access";
import type { Text } from "../text";

export type NavigationPage = {
  to:
    | "/devices"
    | "/commands"
    | "/campaigns"
    | "/firmware"
    | "/applications"
    | "/schedules"
    | "/approvals"
    | "/groups"
    | "/users"
    | "/audit"
    | "/settings"
    | "/health";
  name: keyof Text["shell"]["pages"];
  icon: ComponentType<{ size?: number }>;
  /** Who is offered it: who has one of these. */
  needs: readonly Right[];
  /** Who may open it by its address, where these are others. */
  reads?: readonly Right[];
  /** `g` and then this key goes there. */
  key: string;
  /** A line above it. */
  divided?: boolean;
};

export const PAGES: readonly NavigationPage[] = [
  { to: "/devices", name: "fleet", icon: FleetIcon, needs: ["devices:list"], key: "d" },
  { to: "/commands", name: "commands", icon: CommandIcon, needs: ["commands:list"], key: "c" },
  {
    to: "/campaigns",
    name: "campaigns",
    icon: CampaignIcon,
    needs: ["campaigns:list"],
    key: "m",
  },
  {
    to: "/firmware",
    name: "firmware",
    icon: FirmwareIcon,
    needs: ["releases:list", "campaigns:list"],
    key: "f",
  },
  {
    to: "/applications",
    name: "applications",
    icon: ApplicationIcon,
    needs: ["applications:list", "config-maps:list", "registries:list"],
    key: "w",
  },
  {
    to: "/schedules",
    name: "schedules",
    icon: ScheduleIcon,
    needs: ["schedules:list"],
    key: "t",
  },
  {
    to: "/approvals",
    name: "approvals",
    icon: ApprovalIcon,
    needs: ["approvals:list"],
    key: "p",
  },
  { to: "/groups", name: "groups", icon: GroupIcon, needs: ["device-groups:list"], key: "g" },
  {
    to: "/users",
    name: "users",
    icon: UserIcon,
    needs: ["users:list", "teams:list", "roles:list", "invitations:list", "service-accounts:list"],
    reads: [],
    key: "u",
    divided: true,
  },
  { to: "/audit", name: "audit", icon: AuditIcon, needs: ["audit-log:list"], key: "a" },
  {
    to: "/settings",
    name: "settings",
    icon: SettingsIcon,
    needs: ["settings:update", "enrollment-keys:create", "config-schema:update"],
    reads: ["settings:get"],
    key: "s",
  },
  { to: "/health", name: "health", icon: HealthIcon, needs: ["health:get"], key: "h" },
];

const some = (rights: readonly Right[], may: May) =>
  rights.length === 0 || rights.some(right => may(right));

export const offered = (may: May) => PAGES.filter(({ needs }) => some(needs, may));

/** Whether the page at a path may be opened; keys of one's own, and what is no page here, always. */
export function mayOpen(path: string, may: May): boolean {
  const page = PAGES.find(({ to }) => path === to || path.startsWith(`${to}/`));
  return page === undefined || some(page.reads ?? page.needs, may);
}
