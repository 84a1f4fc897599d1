// Every program of Kubernetes that a node of the tests needs, as one binary: its first argument, or the name that
// it was called by, says which. A process is one of them, so that nothing is registered twice.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"k8s.io/component-base/cli"
	_ "k8s.io/component-base/logs/json/register"
	_ "k8s.io/component-base/metrics/prometheus/clientgo"
	_ "k8s.io/component-base/metrics/prometheus/version"
	kubectl "k8s.io/kubectl/pkg/cmd"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllermanager "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
	kubelet "k8s.io/kubernetes/cmd/kubelet/app"
)

func main() {
	arguments := os.Args
	command := commandOf(filepath.Base(arguments[0]))
	if command == nil && len(arguments) > 1 {
		arguments = arguments[1:]
		command = commandOf(arguments[0])
	}
	if command == nil {
		fmt.Fprintln(os.Stderr, "which one: kube-apiserver, kube-controller-manager, kube-scheduler, kubelet, kubectl")
		os.Exit(2)
	}
	os.Args = arguments
	os.Exit(cli.Run(command))
}

func commandOf(name string) *cobra.Command {
	switch name {
	case "kube-apiserver":
		return apiserver.NewAPIServerCommand()
	case "kube-controller-manager":
		return controllermanager.NewControllerManagerCommand()
	case "kube-scheduler":
		return scheduler.NewSchedulerCommand()
	case "kubelet":
		return kubelet.NewKubeletCommand()
	case "kubectl":
		return kubectl.NewDefaultKubectlCommand()
	}
	return nil
}
