import { Tabs } from "@mantine/core";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { Page } from "../../parts/Page";
import { useMay } from "../../session/access";
import { useText } from "../../text";
import { Keys } from "./Keys";
import { Users } from "./Users";

export function UsersPage() {
  const text = useText();
  const may = useMay();
  const { tab } = useSearch({ from: "/users" });
  const navigate = useNavigate({ from: "/users" });
  if (!may("listUsers")) {
    return (
      <Page title={text.shell.apiKeys}>
        <Keys />
      </Page>
    );
  }
  const go = (value: string | null) =>
    void navigate({ search: value === "keys" ? { tab: "keys" } : {}, replace: true });
  return (
    <Page title={text.shell.pages.users}>
      <Tabs value={tab ?? "users"} onChange={go} keepMounted={false}>
        <Tabs.List mb="md">
          <Tabs.Tab value="users">{text.users.tabs.users}</Tabs.Tab>
          <Tabs.Tab value="keys">{text.users.tabs.keys}</Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="users">
          <Users />
        </Tabs.Panel>
        <Tabs.Panel value="keys">
          <Keys />
        </Tabs.Panel>
      </Tabs>
    </Page>
  );
}
