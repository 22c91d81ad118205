import { Button, TextInput } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate, useParams } from "@tanstack/react-router";
import { useState } from "react";
import {
  APPLICATIONS,
  type Application,
  changeApplication,
  deleteApplication,
  useApplication,
  useWorkloadsOf,
  WORKLOADS,
  type Workload,
} from "../../api/applications";
import { useChange } from "../../api/change";
import { readAgain } from "../../api/readAgain";
import { fleet } from "../../live/fleet";
import type { LiveEvent } from "../../live/frames";
import { useLiveRead } from "../../live/useLiveRead";
import { useSoon } from "../../live/useSoon";
import { ConfirmAction } from "../../parts/ConfirmAction";
import { PlayIcon } from "../../parts/icons";
import { Label } from "../../parts/Label";
import { Notice } from "../../parts/Notice";
import { Page, Section } from "../../parts/Page";
import { UnreadPage } from "../../parts/UnreadPage";
import { WorkloadTable } from "../../parts/WorkloadTable";
import { useMay } from "../../session/access";
import { useText } from "../../text";
import { ComposeDialog } from "./ComposeDialog";
import { Revisions } from "./Revisions";
import { RollOutDialog } from "./RollOutDialog";
import { RollOuts } from "./RollOuts";
import { Target } from "./Target";

export function ApplicationPage() {
  const { name } = useParams({ from: "/applications/$name" });
  const words = useText().applications;
  const found = useApplication(name);
  if (found.data) return <One key={name} application={found.data} />;
  return (
    <UnreadPage title={name} reading={found} missing={words.missing}>
      <Link to="/applications">{words.toAll}</Link>
    </UnreadPage>
  );
}

function One({ application }: { application: Application }) {
  const words = useText().applications;
  const may = useMay();
  const navigate = useNavigate();
  const queries = useQueryClient();
  const { name } = application;
  const [open, setOpen] = useState<"change" | "delete" | "rollOut" | null>(null);
  const close = () => setOpen(null);
  const remove = async () => {
    const approvalId = await deleteApplication(name);
    void readAgain(queries, APPLICATIONS);
    if (approvalId === null) await navigate({ to: "/applications" });
    else await navigate({ to: "/approvals", search: { id: approvalId } });
  };
  return (
    <Page
      title={name}
      aside={application.status === "PAUSED" && <Label tone="warn">{words.paused}</Label>}
      actions={
        <>
          {may("campaigns:create") && may("applications:update", { name }) && (
            <Button leftSection={<PlayIcon size={14} />} onClick={() => setOpen("rollOut")}>
              {words.rollOutAction}
            </Button>
          )}
          {may("applications:update", { name }) && (
            <Button variant="default" onClick={() => setOpen("change")}>
              {words.change}
            </Button>
          )}
          {may("applications:delete", { name }) && (
            <Button variant="default" onClick={() => setOpen("delete")}>
              {words.delete}
            </Button>
          )}
        </>
      }
    >
      {application.status === "PAUSED" && <Paused application={application} />}
      <Target
        key={`${application.target}/${application.removeWhenUnmatched}`}
        application={application}
      />
      <Revisions application={application} />
      {may("campaigns:list") && <RollOuts name={name} />}
      {may("workloads:list") && <Devices name={name} />}
      {open === "rollOut" && (
        <RollOutDialog application={application} revision={null} onClose={close} />
      )}
      {open === "change" && <ComposeDialog application={application} onClose={close} />}
      {open === "delete" && (
        <ConfirmAction
          title={words.deleteTitle(name)}
          explanation={words.deleteHint}
          action={words.deleteDo}
          wanted={name}
          onConfirm={remove}
          onClose={close}
        />
      )}
    </Page>
  );
}

/** Why nobody loses it, and how to go on all the same. */
function Paused({ application: { name, target, reason } }: { application: Application }) {
  const words = useText().applications;
  const may = useMay();
  const change = useChange(() => changeApplication(name, { target }), { stale: [APPLICATIONS] });
  return (
    <Notice>
      {words.pausedBecause[reason ?? ""] ?? reason}{" "}
      {may("applications:update", { name }) && (
        <Button
          size="compact-xs"
          variant="default"
          loading={change.isPending}
          onClick={() => change.mutate(undefined)}
        >
          {words.goOn}
        </Button>
      )}
    </Notice>
  );
}

function Devices({ name }: { name: string }) {
  const text = useText();
  const words = text.applications;
  const queries = useQueryClient();
  const list = useWorkloadsOf(name);
  const [wanted, setWanted] = useState("");
  const again = () => void readAgain(queries, WORKLOADS);
  const soon = useSoon(again);
  // What a device shall run is part of its record.
  const onEvent = ({ type, kind }: LiveEvent) => {
    if (type !== "record_changed" || kind === "device") soon();
  };
  useLiveRead({ types: ["workload_status", "record_changed"] }, { onEvent, read: again });
  const rows = (list.data?.pages.flatMap(({ items }) => items) ?? []).filter(one =>
    searched(one).includes(wanted.trim().toLowerCase()),
  );
  return (
    <Section
      title={words.devices}
      flush
      actions={
        <TextInput
          size="xs"
          aria-label={words.filter}
          placeholder={words.filter}
          value={wanted}
          onChange={event => setWanted(event.currentTarget.value)}
        />
      }
    >
      <WorkloadTable rows={rows} reading={list} by="device" empty={words.noDevices} />
      {list.hasNextPage && (
        <Button m="sm" variant="default" onClick={() => void list.fetchNextPage()}>
          {text.common.more}
        </Button>
      )}
    </Section>
  );
}

/** What a filter looks at: what the table shows. */
function searched({ deviceId, service, state }: Workload): string {
  return [fleet.device(deviceId)?.name, deviceId, service, state].join(" ").toLowerCase();
}
