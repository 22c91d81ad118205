import { Table } from "@mantine/core";
import { fleet, useFleet } from "../../live/fleet";
import { Page } from "../../parts/Page";
import { ProblemLine } from "../../parts/ProblemLine";
import { StatusBadge } from "../../parts/StatusBadge";
import { TimeText } from "../../parts/TimeText";
import { useText } from "../../text";
import { AddDevice } from "./AddDevice";

export function FleetPage() {
  const text = useText();
  const { devices, loading, problem } = useFleet();
  return (
    <Page
      title={text.shell.pages.fleet}
      aside={<span className="dim">{text.common.devices(devices.size)}</span>}
      wide
    >
      {problem && <ProblemLine error={problem} onRetry={() => void fleet.load()} />}
      {devices.size === 0 && !loading && !problem && <AddDevice />}
      {devices.size > 0 && (
        <Table>
          <Table.Tbody>
            {[...devices.values()].slice(0, 200).map(device => (
              <Table.Tr key={device.id} data-device={device.id}>
                <Table.Td>{device.name}</Table.Td>
                <Table.Td>
                  <StatusBadge status={device.status} />
                </Table.Td>
                <Table.Td>
                  <TimeText at={device.lastSeen} />
                </Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      )}
    </Page>
  );
}
