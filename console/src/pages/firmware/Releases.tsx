import { ActionIcon, Button, Table, Tooltip } from "@mantine/core";
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
import { Loading } from "../../parts/Loading";
import { ProblemLine } from "../../parts/ProblemLine";
import { TimeText } from "../../parts/TimeText";
import { useMay } from "../../session/access";
import { useText } from "../../text";
import { bytes } from "../../text/format";
import classes from "./firmware.module.css";
import { SignDialog } from "./SignDialog";

export function Releases({ onUpload }: { onUpload: () => void }) {
  const text = useText();
  const words = text.firmware;
  const may = useMay();
  const navigate = useNavigate();
  const queries = useQueryClient();
  const releases = useReleases();
  const keys = useSigningKeys();
  const [removing, setRemoving] = useState<Release | null>(null);
  const [signing, setSigning] = useState<Release | null>(null);
  if (releases.isPending) return <Loading height={220} />;
  if (releases.isError) {
    return <ProblemLine error={releases.error} onRetry={() => void releases.refetch()} />;
  }
  if (releases.data.length === 0) {
    return (
      <Empty icon={FirmwareIcon} title={words.noReleases}>
        <p>{words.noReleasesHint}</p>
        {may("administer") && <Button onClick={onUpload}>{words.upload}</Button>}
      </Empty>
    );
  }
  const remove = async ({ id, version }: Release) => {
    await envelope(api.DELETE("/api/v1/firmware/releases/{id}", { params: { path: { id } } }));
    notifications.show({ message: words.isDeleted(version) });
    await queries.invalidateQueries({ queryKey: ["releases"] });
  };
  return (
    <div className={classes.frame}>
      <Table verticalSpacing={6} horizontalSpacing="md" className={classes.table ?? ""}>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>{words.version}</Table.Th>
            <Table.Th>{words.channel}</Table.Th>
            <Table.Th>{words.file}</Table.Th>
            <Table.Th className={classes.number ?? ""}>{words.size}</Table.Th>
            <Table.Th>{words.sha256}</Table.Th>
            <Table.Th>{words.signature}</Table.Th>
            <Table.Th>{words.uploaded}</Table.Th>
            {may("administer") && <Table.Th>{words.actions}</Table.Th>}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {releases.data.map(release => (
            <Table.Tr key={release.id} data-release={release.version}>
              <Table.Td className={classes.strong ?? ""}>{release.version}</Table.Td>
              <Table.Td>{release.channel}</Table.Td>
              <Table.Td className={classes.file ?? ""} title={release.filename}>
                {release.filename}
              </Table.Td>
              <Table.Td className={classes.number ?? ""}>{bytes(release.size)}</Table.Td>
              <Table.Td>
                <span className="mono" title={release.sha256}>
                  {release.sha256.slice(0, 12)}…
                </span>
              </Table.Td>
              <Table.Td>
                <Signature release={release} checked={(keys.data ?? []).length > 0} />
              </Table.Td>
              <Table.Td className={classes.nowrap ?? ""}>
                <TimeText at={release.createdAt} /> <span className="dim">{release.createdBy}</span>
              </Table.Td>
              {may("administer") && (
                <Table.Td>
                  <div className={classes.buttons}>
                    <Button
                      size="compact-xs"
                      variant="default"
                      onClick={() =>
                        void navigate({
                          to: "/firmware",
                          search: { tab: "releases", deploy: release.id },
                        })
                      }
                    >
                      {words.deployThis}
                    </Button>
                    <Tooltip label={words.sign}>
                      <ActionIcon
                        size={26}
                        aria-label={words.signOf(release.version)}
                        onClick={() => setSigning(release)}
                      >
                        <KeyIcon size={16} />
                      </ActionIcon>
                    </Tooltip>
                    <Tooltip label={text.common.delete}>
                      <ActionIcon
                        size={26}
                        aria-label={words.deleteOf(release.version)}
                        onClick={() => setRemoving(release)}
                      >
                        <TrashIcon size={16} />
                      </ActionIcon>
                    </Tooltip>
                  </div>
                </Table.Td>
              )}
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
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
    </div>
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
