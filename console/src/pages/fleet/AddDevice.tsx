import { Button, Modal } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { api, data } from "../../api/client";
import { hubAddress } from "../../api/prefix";
import { CopyLine } from "../../parts/CopyLine";
import { commandLine, packageLine } from "../../parts/deviceLines";
import { Empty } from "../../parts/Empty";
import { FleetIcon, KeyIcon } from "../../parts/icons";
import { ProblemLine } from "../../parts/ProblemLine";
import { useMay } from "../../session/access";
import { useText } from "../../text";
import classes from "./fleet.module.css";

/** An empty fleet: the one line that makes it grow. */
export function EmptyFleet() {
  const text = useText().fleet;
  return (
    <Empty icon={FleetIcon} title={text.addTitle}>
      <AddDevice />
    </Empty>
  );
}

export function AddDeviceDialog({ onClose }: { onClose: () => void }) {
  const text = useText();
  return (
    <Modal
      opened
      onClose={onClose}
      size="lg"
      title={text.fleet.addTitle}
      closeButtonProps={{ "aria-label": text.common.close }}
    >
      <AddDevice />
    </Modal>
  );
}

/** Without a key until an administrator makes one: the hub shows a key once and keeps its hash. */
function AddDevice() {
  const text = useText().fleet;
  const may = useMay();
  const key = useMutation({
    mutationFn: () => data(api.POST("/api/v1/settings/enrollment-key")),
    gcTime: 0,
  });
  const made = key.data?.enrollmentKey;
  return (
    <div className={classes.add}>
      <p>{text.addHint}</p>
      <CopyLine label={text.addPackage} line={packageLine(hubAddress(), made ?? "…")} />
      <CopyLine label={text.addLine} line={commandLine(hubAddress(), made ?? "…")} />
      <p>{made ? text.addKeyMade : text.addKeyHint}</p>
      {may("enrollment-keys:create") && !made && (
        <>
          <Button
            variant="default"
            leftSection={<KeyIcon size={15} />}
            loading={key.isPending}
            onClick={() => key.mutate()}
          >
            {text.addNewKey}
          </Button>
          <p className={classes.note}>{text.addNewKeyHint}</p>
        </>
      )}
      {key.isError && <ProblemLine error={key.error} onRetry={() => key.mutate()} />}
    </div>
  );
}
