import { Tabs } from "@mantine/core";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { Page } from "../../parts/Page";
import { type Right, useMay } from "../../session/access";
import { useText } from "../../text";
import { AddApplication, Applications } from "./Applications";
import { ConfigMaps } from "./ConfigMaps";
import { Registries } from "./Registries";
import { APPLICATION_TABS, type ApplicationsTab } from "./search";

/** Who sees it. */
const NEEDS: Record<ApplicationsTab, Right> = {
  applications: "applications:list",
  "config-maps": "config-maps:list",
  registries: "registries:list",
};

/** Applications, and what they name. */
export function ApplicationsPage() {
  const text = useText();
  const words = text.applications;
  const may = useMay();
  const { tab } = useSearch({ from: "/applications" });
  const navigate = useNavigate();
  const tabs = APPLICATION_TABS.filter(one => may(NEEDS[one]));
  const shown = tabs.find(one => one === (tab ?? "applications")) ?? tabs[0] ?? "applications";
  const choose = (next: string | null) => {
    const found = APPLICATION_TABS.find(one => one === next);
    const search = found === undefined || found === "applications" ? {} : { tab: found };
    void navigate({ to: "/applications", search });
  };
  return (
    <Page
      title={text.shell.pages.applications}
      actions={shown === "applications" && <AddApplication />}
    >
      <Tabs value={shown} onChange={choose} keepMounted={false}>
        <Tabs.List aria-label={text.shell.pages.applications}>
          {tabs.map(one => (
            <Tabs.Tab key={one} value={one}>
              {words.tabs[one]}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        <Tabs.Panel value="applications" pt="md">
          <Applications />
        </Tabs.Panel>
        <Tabs.Panel value="config-maps" pt="md">
          <ConfigMaps />
        </Tabs.Panel>
        <Tabs.Panel value="registries" pt="md">
          <Registries />
        </Tabs.Panel>
      </Tabs>
    </Page>
  );
}
