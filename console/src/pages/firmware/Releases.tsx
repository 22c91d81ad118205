import { ActionIcon, Button, Tooltip } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { api, envelope } from "../../api/client";
import { type Release, useReleases } from "../../api/firmware";
import { useSigningKeys } from "../../api/signingKeys";
import { ConfirmAction } from "../../parts/ConfirmAction";
import { Empty } from "../../parts/Empty";
import { CheckIcon, FirmwareIcon, KeyIcon, TrashIcon, WarningIcon } from "../../parts/icons";
import { TimeText } from "../../parts/TimeText";
import type { Column } from "../../parts/table/columns";
import { DataTable } from "../../parts/table/DataTable";
import { useMay } from "../../session/access";
import { useText } from "../../text";
import { bytes } from "../../text/format";
import classes from "./firmware.module.css";
import { SignDialog } from "./SignDialog";

export function Releases({ onUpload }: { onUpload: () => void }) {
  const text = useText();
  const words = text.firmware;
  const may = useMay();
  const acts = may("campaigns:create") || may("releases:update") || may("releases:delete");
  const navigate = useNavigate();
  const queries = useQueryClient();
  const releases = useReleases();
  const keys = useSigningKeys(may("signing-keys:list"));
  const [removing, setRemoving] = useState<Release | null>(null);
  const [signing, setSigning] = useState<Release | null>(null);
  const remove = async ({ id, version }: Release) => {
    await envelope(api.DELETE("/api/v1/firmware/releases/{id}", { params: { path: { id } } }));
    notifications.show({ message: words.isDeleted(version) });
    await queries.invalidateQueries({ queryKey: ["releases"] });
  };
  const columns: Column<Release>[] = [
    { key: "version", title: words.version, cell: ({ version }) => <strong>{version}</strong> },
    { key: "type", title: words.type, cell: ({ type }) => type },
    { key: "channel", title: words.channel, cell: ({ channel }) => channel },
    {
      key: "file",
      title: words.file,
      className: classes.file,
      cell: ({ filename }) => <span title={filename}>{filename}</span>,
    },
    { key: "size", title: words.size, right: true, cell: ({ size }) => bytes(size) },
    {
      key: "sha256",
      title: words.sha256,
      cell: ({ sha256 }) => (
        <span className="mono" title={sha256}>
          {sha256.slice(0, 12)}…
        </span>
      ),
    },
    {
      key: "signature",
      title: words.signature,
      cell: release => <Signature release={release} checked={(keys.data ?? []).length > 0} />,
    },
    {
      key: "uploaded",
      title: words.uploaded,
      cell: ({ createdAt, createdBy }) => (
        <>
          <TimeText at={createdAt} /> <span className="dim">{createdBy}</span>
        </>
      ),
    },
  ];
  const actions: Column<Release> = {
    key: "actions",
    title: words.actions,
    cell: release => (
      <div className={classes.rowButtons}>
        {may("campaigns:create") && (
          <Button
            size="compact-xs"
            variant="default"
            onClick={() =>
              void navigate({ to: "/firmware", search: { tab: "releases", deploy: release.id } })
            }
          >
            {words.deployThis}
          </Button>
        )}
        {may("releases:update") && (
          <Tooltip label={words.sign}>
            <ActionIcon
              size={26}
              aria-label={words.signOf(release.version)}
              onClick={() => setSigning(release)}
            >
              <KeyIcon size={16} />
            </ActionIcon>
          </Tooltip>
        )}
        {may("releases:delete") && (
          <Tooltip label={text.common.delete}>
            <ActionIcon
              size={26}
              aria-label={words.deleteOf(release.version)}
              onClick={() => setRemoving(release)}
            >
              <TrashIcon size={16} />
            </ActionIcon>
          </Tooltip>
        )}
      </div>
    ),
  };
  return (
    <>
      <DataTable
        label={words.tabs.releases}
        columns={acts ? [...columns, actions] : columns}
        rows={releases.data ?? []}
        keyOf={({ id }) => id}
        marks={({ version }) => ({ "data-release": version })}
        reading={releases}
        place={220}
        empty={
          <Empty icon={FirmwareIcon} title={words.noReleases}>
            <p>{words.noReleasesHint}</p>
            {may("releases:create") && <Button onClick={onUpload}>{words.upload}</Button>}
          </Empty>
        }
      />
      {signing && <SignDialog release={signing} onClose={() => setSigning(null)} />}
      {removing && (
        <ConfirmAction
          title={words.deleteTitle(removing.version)}
          explanation={words.deleteHint}
          action={words.deleteDo}
          wanted={removing.version}
          onConfirm={() => remove(removing)}
          onClose={() => setRemoving(null)}
        />
      )}
    </>
  );
}

function Signature({ release, checked }: { release: Release; checked: boolean }) {
  const words = useText().firmware;
  if (release.signatureBase64 === null) {
    return (
      <span
        className={classes.signature}
        style={{ color: checked ? "var(--warn)" : "var(--mute)" }}
      >
        {checked && <WarningIcon size={14} />}
        {words.unsigned}
      </span>
    );
  }
  const by = release.signedBy;
  return (
    <span
      className={classes.signature}
      style={{ color: by === null ? "var(--mute)" : "var(--ok)" }}
      title={release.signatureBase64}
    >
      {by !== null && <CheckIcon size={14} />}
      {by === null ? words.unchecked : words.signedBy(by)}
    </span>
  );
}
