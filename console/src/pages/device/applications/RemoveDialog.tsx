import { Radio, Stack } from "@mantine/core";
import { useState } from "react";
import { unassign, useRevisions, WORKLOADS, workloadsOn } from "../../../api/applications";
import { useChange } from "../../../api/change";
import type { Device } from "../../../live/standing";
import { Confirm } from "../../../parts/Confirm";
import { ProblemLine } from "../../../parts/ProblemLine";
import { useText } from "../../../text";
import { type Assigned, volumesOf } from "./assigned";

type Props = { device: Device; assigned: Assigned; onClose: () => void };

/** Takes an application from a device; its named volumes stay, unless they are to go. */
export function RemoveDialog({ device, assigned, onClose }: Props) {
  const words = useText().applications;
  const { application, revision } = assigned;
  const [what, setWhat] = useState("keep");
  const revisions = useRevisions(application);
  const volumes = volumesOf(revisions.data?.find(one => one.revision === revision));
  const change = useChange(() => unassign(device.id, application, what === "delete"), {
    stale: [WORKLOADS, workloadsOn(device.id)],
    quiet: true,
    onDone: onClose,
  });
  return (
    <Confirm
      title={words.removeTitle(application, device.name)}
      act={words.removeDo}
      busy={change.isPending}
      onConfirm={() => change.mutate(undefined)}
      onClose={onClose}
    >
      <Stack gap="sm">
        {volumes?.length === 0 ? (
          words.noVolumes
        ) : (
          <Radio.Group
            label={words.volumes}
            description={volumes?.join(", ")}
            value={what}
            onChange={setWhat}
          >
            <Stack gap="xs" mt="xs">
              <Radio value="keep" label={words.keepVolumes} />
              <Radio value="delete" label={words.deleteVolumes} />
            </Stack>
          </Radio.Group>
        )}
        {change.isError && <ProblemLine error={change.error} />}
      </Stack>
    </Confirm>
  );
}
