import { Button } from "@mantine/core";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { api, data } from "../../../api/client";
import { begin, type Release, useReleases } from "../../../api/firmware";
import { readAgain } from "../../../api/readAgain";
import { fitOf, installs, versionOf } from "../../../api/versions";
import type { Device } from "../../../live/standing";
import { useLiveRead } from "../../../live/useLiveRead";
import { ConfirmAction } from "../../../parts/ConfirmAction";
import { CampaignStatus } from "../../../parts/campaigns/CampaignStatus";
import { Hint } from "../../../parts/Label";
import { Section } from "../../../parts/Page";
import { TimeText } from "../../../parts/TimeText";
import { Listed } from "../../../parts/table/Listed";
import { useMay } from "../../../session/access";
import { useText } from "../../../text";
import { bytes } from "../../../text/format";
import classes from "../device.module.css";
import { Pins, usePins } from "./Pins";

export function DeviceFirmware({ device }: { device: Device }) {
  return (
    <div className={classes.columns}>
      <Releases device={device} />
      <div>
        <Pins device={device} />
        <Parts device={device} />
      </div>
    </div>
  );
}

function Releases({ device }: { device: Device }) {
  const { firmware: words, device: text, common } = useText();
  const may = useMay();
  const navigate = useNavigate();
  const releases = useReleases();
  const [update, setUpdate] = useState<Release | null>(null);
  const [pin, setPin] = useState<Release | null>(null);
  const { pins, change } = usePins(device);
  const isPinned = ({ type, version }: Release) => pins.data?.pins[type] === version;
  const start = async ({ id }: Release) => {
    const made = await begin({
      releaseId: id,
      target: { deviceIds: [device.id] },
      allowDowngrade:
        update !== null && fitOf(versionOf(device, update.type), update.version) === "older",
    });
    void navigate({ to: "/firmware/deployments/$deploymentId", params: { deploymentId: made } });
  };
  return (
    <Section title={text.firmware.releases(device.version ?? common.unknown)} flush>
      <Listed
        bare
        count={releases.data?.length ?? 0}
        reading={releases}
        place={140}
        empty={<Hint>{words.noReleases}</Hint>}
      >
        <ul className={classes.last} data-wide>
          {releases.data?.map(release => {
            const fit = fitOf(versionOf(device, release.type), release.version);
            const fits = installs(device, release.type);
            return (
              <li key={release.id} data-release={release.version}>
                <span className="truncate">
                  <strong>{release.version}</strong>{" "}
                  <span className="dim">
                    {release.type} · {release.channel}
                  </span>
                </span>
                <span className="dim">
                  {fits ? text.firmware.fits[fit] : words.reasons.unsupported} ·{" "}
                  {bytes(release.size)}
                </span>
                <span>
                  {may("campaigns:create") && fits && fit !== "same" && (
                    <Button size="compact-sm" variant="default" onClick={() => setUpdate(release)}>
                      {fit === "older" ? text.firmware.downgrade : text.firmware.update}
                    </Button>
                  )}{" "}
                  {may("pins:update", { device }) && fits && pins.data && !isPinned(release) && (
                    <Button size="compact-sm" variant="default" onClick={() => setPin(release)}>
                      {text.pins.pin}
                    </Button>
                  )}
                </span>
              </li>
            );
          })}
        </ul>
      </Listed>
      {update && (
        <ConfirmAction
          title={text.firmware.confirm(device.name, update.version)}
          explanation={text.firmware.confirmHint}
          action={text.firmware.start}
          wanted={device.name}
          onConfirm={() => start(update)}
          onClose={() => setUpdate(null)}
        />
      )}
      {pin && (
        <ConfirmAction
          title={text.pins.confirm(device.name, `${pin.type} ${pin.version}`)}
          explanation={text.pins.confirmHint}
          action={text.pins.act}
          wanted={device.name}
          onConfirm={async () => {
            await change.mutateAsync({ ...pins.data?.pins, [pin.type]: pin.version });
          }}
          onClose={() => setPin(null)}
        />
      )}
    </Section>
  );
}

/** What the device plays in deployments, as it happens. */
function Parts({ device }: { device: Device }) {
  const { campaigns, firmware: words, device: text, common } = useText();
  const reasons = { ...campaigns.reasons, ...words.reasons };
  const queries = useQueryClient();
  const key = ["device-deployments", device.id];
  const parts = useQuery({
    queryKey: key,
    queryFn: () =>
      data(api.GET("/api/v1/devices/{id}/deployments", { params: { path: { id: device.id } } })),
  });
  const again = () => void readAgain(queries, key);
  useLiveRead({ deviceIds: [device.id], types: ["deployment"] }, { onEvent: again, read: again });
  return (
    <Section title={text.firmware.deployments} flush>
      <Listed
        bare
        count={parts.data?.length ?? 0}
        reading={parts}
        place={140}
        empty={<Hint>{text.firmware.noDeployments}</Hint>}
      >
        <ul className={classes.last} data-wide>
          {parts.data?.map(part => (
            <li key={part.deploymentId} data-part={part.status}>
              <Link
                to="/firmware/deployments/$deploymentId"
                params={{ deploymentId: part.deploymentId }}
                className={`truncate ${classes.link}`}
              >
                {text.firmware.to(
                  part.fromVersion ?? device.version ?? common.unknown,
                  part.version ?? common.unknown,
                )}
              </Link>
              <span>
                <CampaignStatus status={part.status} />
                {part.status === "IN_PROGRESS" && (
                  <span className="dim"> {words.phases[part.phase]}</span>
                )}
                {part.error && (
                  <span className="dim"> {reasons[codeOf(part.error)] ?? codeOf(part.error)}</span>
                )}
              </span>
              <span className="dim">
                <TimeText at={part.createdAt} />
              </span>
            </li>
          ))}
        </ul>
      </Listed>
    </Section>
  );
}

function codeOf(error: unknown): string {
  return String((error as { code?: string }).code ?? "");
}
