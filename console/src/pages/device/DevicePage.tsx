import { Tabs } from "@mantine/core";
import { useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { lazy, Suspense, useState } from "react";
import type { Device } from "../../live/standing";
import { Label } from "../../parts/Label";
import { Loading } from "../../parts/Loading";
import { Page } from "../../parts/Page";
import { ProblemLine } from "../../parts/ProblemLine";
import { StatusBadge } from "../../parts/StatusBadge";
import { type Right, useMay } from "../../session/access";
import { useText } from "../../text";
import { DeviceActions } from "./Actions";
import classes from "./device.module.css";
import { Facts } from "./Facts";
import { Missing } from "./Missing";
import { Quarantine } from "./Quarantine";
import { type DeviceTab, TABS } from "./search";
import { DockContext, type Docked } from "./sessions/dock";
import { useOneDevice } from "./useOneDevice";

/** Each in a chunk of its own: the charts bring their library only where they are opened. */
const CONTENT: Record<
  DeviceTab,
  React.LazyExoticComponent<(props: { device: Device }) => React.ReactNode>
> = {
  overview: lazy(async () => ({ default: (await import("./overview/Overview")).Overview })),
  charts: lazy(async () => ({ default: (await import("./charts/Charts")).Charts })),
  log: lazy(async () => ({ default: (await import("./log/Log")).Log })),
  commands: lazy(async () => ({ default: (await import("./commands/Commands")).Commands })),
  config: lazy(async () => ({ default: (await import("./config/Configuration")).Configuration })),
  firmware: lazy(async () => ({
    default: (await import("./firmware/DeviceFirmware")).DeviceFirmware,
  })),
  applications: lazy(async () => ({
    default: (await import("./applications/Applications")).Applications,
  })),
  events: lazy(async () => ({ default: (await import("./events/Events")).Events })),
  sessions: lazy(async () => ({ default: (await import("./sessions/Sessions")).Sessions })),
  raw: lazy(async () => ({ default: (await import("./raw/Raw")).Raw })),
};
const Dock = lazy(async () => ({ default: (await import("./sessions/Dock")).Dock }));
/** Who sees it: null for all who see the device. */
const NEEDS: Record<DeviceTab, Right | null> = {
  overview: null,
  charts: "telemetry:list",
  log: "telemetry:list",
  commands: "commands:list",
  config: "configurations:get",
  firmware: "releases:list",
  applications: "workloads:list",
  events: "telemetry:list",
  sessions: "sessions/logs:list",
  raw: null,
};
/** Their content scrolls inside itself. */
const FILLING: readonly DeviceTab[] = ["log", "raw"];

export function DevicePage() {
  const { deviceId } = useParams({ from: "/devices/$deviceId" });
  const { device, missing, problem, retry } = useOneDevice(deviceId);
  if (device !== undefined) return <OneDevice key={deviceId} device={device} />;
  if (missing) return <Missing deviceId={deviceId} />;
  return (
    <Page title={deviceId}>
      {problem ? <ProblemLine error={problem} onRetry={retry} /> : <Loading height={220} />}
    </Page>
  );
}

function OneDevice({ device }: { device: Device }) {
  const words = useText().device;
  const may = useMay();
  const tabs = TABS.filter(one => NEEDS[one] === null || may(NEEDS[one], { device }));
  const { tab: wanted = "overview" } = useSearch({ from: "/devices/$deviceId" });
  const tab = tabs.includes(wanted) ? wanted : "overview";
  const navigate = useNavigate();
  const open = (next: string | null) =>
    void navigate({
      to: ".",
      search: next === "overview" || next === null ? {} : { tab: next as DeviceTab },
    });
  const Content = CONTENT[tab];
  const [docked, setDocked] = useState<Docked | null>(null);
  return (
    <DockContext value={setDocked}>
      <Page
        title={device.name}
        aside={
          <>
            <StatusBadge status={device.status} />
            {device.quarantine !== null && <Label tone="warn">{words.quarantine.badge}</Label>}
          </>
        }
        actions={<DeviceActions device={device} />}
        wide
        fill={FILLING.includes(tab)}
      >
        <Quarantine device={device} />
        <Facts device={device} />
        <Tabs value={tab} onChange={open} keepMounted={false} className={classes.tabs}>
          <Tabs.List className={classes.tabList} aria-label={words.sections}>
            {tabs.map(one => (
              <Tabs.Tab key={one} value={one} className={classes.tab ?? ""}>
                {words.tabs[one]}
              </Tabs.Tab>
            ))}
          </Tabs.List>
          <Tabs.Panel value={tab} className={classes.panel ?? ""}>
            <Suspense fallback={<Loading height={240} />}>
              <Content device={device} />
            </Suspense>
          </Tabs.Panel>
        </Tabs>
        {docked !== null && (
          <Suspense fallback={<Loading height={240} />}>
            <Dock
              key={docked.what === "recording" ? docked.id : docked.path}
              docked={docked}
              onClose={() => setDocked(null)}
            />
          </Suspense>
        )}
      </Page>
    </DockContext>
  );
}
