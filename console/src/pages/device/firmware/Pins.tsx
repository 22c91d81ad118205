import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useChange } from "../../../api/change";
import { api, data } from "../../../api/client";
import type { Device } from "../../../live/standing";
import { Hint } from "../../../parts/Label";
import { Section } from "../../../parts/Page";
import { Listed } from "../../../parts/table/Listed";
import { useMay } from "../../../session/access";
import { useText } from "../../../text";
import classes from "../device.module.css";

const keyOf = (device: Device) => ["device-software", device.id];

/** What is pinned for a device, and how to pin something else. */
export function usePins(device: Device) {
  const path = { path: { id: device.id } };
  const pins = useQuery({
    queryKey: keyOf(device),
    queryFn: () => data(api.GET("/api/v1/devices/{id}/software", { params: path })),
  });
  const allow = pins.data?.allow ?? [];
  const change = useChange(
    (wanted: Record<string, string>) =>
      data(
        api.PUT("/api/v1/devices/{id}/software", { params: path, body: { pins: wanted, allow } }),
      ),
    { stale: [keyOf(device)] },
  );
  return { pins, change };
}

/** The versions that an administrator has fixed on the device. */
export function Pins({ device }: { device: Device }) {
  const { device: text, firmware: words } = useText();
  const may = useMay();
  const { pins, change } = usePins(device);
  const found = pins.data;
  const pinned = Object.entries(found?.pins ?? {});
  const without = (software: string) =>
    Object.fromEntries(pinned.filter(([each]) => each !== software));
  const code = String(found?.error?.code ?? "");
  return (
    <Section title={text.pins.title} flush>
      <Listed
        bare
        count={pinned.length}
        reading={pins}
        place={60}
        empty={<Hint>{text.pins.none}</Hint>}
      >
        <ul className={classes.last} data-wide>
          {pinned.map(([software, version]) => (
            <li key={software} data-pin={software}>
              <span className="truncate">
                <strong>{version}</strong> <span className="dim">{software}</span>
              </span>
              <span className="dim" title={String(found?.error?.message ?? "")}>
                {found && text.pins.status[found.status]}
                {code && ` · ${words.reasons[code] ?? code}`}
              </span>
              {may("pins:update", { device }) ? (
                <Button
                  size="compact-sm"
                  variant="default"
                  loading={change.isPending}
                  onClick={() => change.mutate(without(software))}
                >
                  {text.pins.unpin}
                </Button>
              ) : (
                <span />
              )}
            </li>
          ))}
        </ul>
      </Listed>
    </Section>
  );
}
