"""Files that a recording holds beside those that a driver was seen to read: for drivers that are yet to be written.

Of a pattern the regular files count, not folders. What is not listed here and was read by no driver is left alone.
"""

from __future__ import annotations

PLACES = ("/sys/", "/proc/", "/etc/", "/usr/lib/", "/usr/local/lib/", "/lib/", "/bin/", "/sbin/", "/usr/bin/",
          "/var/lib/nvpmodel/", "/var/lib/dpkg/", "/run/benchfleet/", "/run/systemd/container", "/run/.containerenv",
          "/.dockerenv")  # fmt: skip
"""Where a driver may have read; what it read elsewhere is told, and left out."""

PATTERNS = (
    "/etc/os-release", "/usr/lib/os-release", "/etc/nv_tegra_release", "/etc/rpi-issue", "/etc/nvpmodel.conf",
    "/etc/armbian-release", "/etc/orangepi-release", "/var/lib/nvpmodel/status",
    "/proc/cpuinfo", "/proc/meminfo", "/proc/version", "/proc/loadavg", "/proc/stat", "/proc/pressure/*",
    "/proc/sys/kernel/osrelease", "/proc/sys/kernel/arch", "/proc/driver/nvidia/version",
    "/proc/device-tree/model", "/proc/device-tree/compatible", "/proc/device-tree/nvidia,*",
    "/sys/firmware/devicetree/base/model", "/sys/firmware/devicetree/base/compatible",
    "/sys/class/dmi/id/sys_vendor", "/sys/class/dmi/id/product_name", "/sys/class/dmi/id/board_vendor",
    "/sys/class/dmi/id/board_name", "/sys/class/dmi/id/bios_version", "/sys/class/dmi/id/chassis_type",
    "/sys/class/hwmon/hwmon*/*", "/sys/class/thermal/thermal_zone*/*", "/sys/class/thermal/cooling_device*/*",
    "/sys/class/powercap/*/*", "/sys/class/powercap/*/*/*", "/sys/class/powercap/*/*/*/*",
    "/sys/class/power_supply/*/*", "/sys/class/devfreq/*/*", "/sys/class/apex/*/*", "/sys/module/apex/parameters/*",
    "/sys/bus/i2c/devices/*/name", "/sys/bus/i2c/devices/*/hwmon/hwmon*/*", "/sys/bus/i2c/devices/*/iio:device*/*",
    "/sys/bus/iio/devices/*/*", "/sys/bus/pci/devices/*/vendor", "/sys/bus/pci/devices/*/device",
    "/sys/bus/pci/devices/*/class", "/sys/bus/pci/devices/*/current_link_speed",
    "/sys/bus/pci/devices/*/current_link_width", "/sys/bus/usb/devices/*/idVendor", "/sys/bus/usb/devices/*/idProduct",
    "/sys/bus/usb/devices/*/speed", "/sys/class/drm/card*/device/gpu_busy_percent",
    "/sys/class/drm/card*/device/mem_info_*", "/sys/class/drm/card*/device/pp_dpm_*",
    "/sys/class/drm/card*/gt_*_freq_mhz", "/sys/class/accel/accel*/device/npu_*",
    "/sys/devices/platform/gpu.0/load", "/sys/devices/gpu.0/load", "/sys/devices/platform/cooling_fan/hwmon/hwmon*/*",
    "/sys/devices/platform/soc/soc:firmware/get_throttled", "/sys/devices/system/cpu/*",
    "/sys/devices/system/cpu/cpu*/online", "/sys/devices/system/cpu/cpu*/cpufreq/*",
    "/sys/devices/system/cpu/cpufreq/*", "/sys/devices/system/cpu/cpufreq/policy*/*",
    "/sys/devices/system/cpu/cpu*/thermal_throttle/*", "/sys/devices/system/cpu/intel_pstate/*",
    "/sys/devices/system/clocksource/clocksource0/*", "/sys/fs/cgroup/cpu.*", "/sys/fs/cgroup/memory.*",
    "/sys/kernel/debug/bpmp/debug/clk/emc/rate", "/sys/kernel/debug/cactmon/mc_all", "/sys/kernel/debug/rknpu/*",
)  # fmt: skip

COMMANDS = (("uname", "-m"),)
"""Questions; each driver's own come to it."""
