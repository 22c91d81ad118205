import { Tabs } from "@mantine/core";
import { useNavigate, useSearch } from "@tanstack/react-router";
import type { ComponentType } from "react";
import { Page } from "../../parts/Page";
import { type Right, useMay } from "../../session/access";
import { useText } from "../../text";
import { Invitations } from "./Invitations";
import { Keys } from "./Keys";
import { Providers } from "./Providers";
import { Roles } from "./Roles";
import { RoleView } from "./RoleView";
import { Services } from "./Services";
import { TABS, type UsersTab } from "./search";
import { Teams } from "./Teams";
import { TeamView } from "./TeamView";
import { Users } from "./Users";
import { UserView } from "./UserView";

/** Who sees it: null for all. */
const NEEDS: Record<UsersTab, Right | null> = {
  users: "users:list",
  teams: "teams:list",
  roles: "roles:list",
  invitations: "invitations:list",
  services: "service-accounts:list",
  providers: "providers:get",
  keys: null,
};
const CONTENT: Record<UsersTab, ComponentType> = {
  users: Users,
  teams: Teams,
  roles: Roles,
  invitations: Invitations,
  services: Services,
  providers: Providers,
  keys: Keys,
};
/** One of them by itself. */
const VIEWS: Partial<Record<UsersTab, ComponentType<{ id: string }>>> = {
  users: UserView,
  teams: TeamView,
  roles: RoleView,
};

export function UsersPage() {
  const text = useText();
  const may = useMay();
  const { tab = "users", id } = useSearch({ from: "/users" });
  const navigate = useNavigate({ from: "/users" });
  const tabs = TABS.filter(one => NEEDS[one] === null || may(NEEDS[one]));
  const shown = tabs.find(one => one === tab) ?? tabs[0] ?? "keys";
  const View = VIEWS[shown];
  if (View !== undefined && id !== undefined) return <View key={id} id={id} />;
  const Content = CONTENT[shown];
  if (tabs.length === 1) {
    return (
      <Page title={text.shell.apiKeys}>
        <Content />
      </Page>
    );
  }
  const go = (value: string | null) => {
    const chosen = TABS.find(one => one === value);
    const search = chosen === undefined || chosen === "users" ? {} : { tab: chosen };
    void navigate({ search, replace: true });
  };
  return (
    <Page title={text.shell.pages.users}>
      <Tabs value={shown} onChange={go} keepMounted={false}>
        <Tabs.List mb="md">
          {tabs.map(one => (
            <Tabs.Tab key={one} value={one}>
              {text.users.tabs[one]}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        <Tabs.Panel value={shown}>
          <Content />
        </Tabs.Panel>
      </Tabs>
    </Page>
  );
}
