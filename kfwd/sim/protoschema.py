"""Field numbers of the messages that kubectl sends as protobuf (`k8s.io/api/*/generated.proto`).

A line is `NUMBER NAME TYPE`. Types: `str`, `int` and `bool`, which are absent when empty; `int?`
and `bool?`, which are not; `bytes`; `map` and `bytesmap` keyed by strings; the name of a message;
with `*` in front a repeated one. A message named `+X` in a field called `.` is inlined.
"""

from __future__ import annotations

_OBJECT = "1 metadata ObjectMeta | 2 spec {0}Spec"

MESSAGES: dict[str, str] = {
    "ObjectMeta": "1 name str | 2 generateName str | 3 namespace str | 5 uid str | "
    "6 resourceVersion str | 11 labels map | 12 annotations map | "
    "13 ownerReferences *OwnerReference | 14 finalizers *str",
    "OwnerReference": "1 kind str | 3 name str | 4 uid str | 5 apiVersion str | "
    "6 controller bool? | 7 blockOwnerDeletion bool?",
    "LabelSelector": "1 matchLabels map | 2 matchExpressions *LabelRequirement",
    "LabelRequirement": "1 key str | 2 operator str | 3 values *str",
    "DeleteOptions": "1 gracePeriodSeconds int? | 2 preconditions Preconditions | "
    "3 orphanDependents bool? | 4 propagationPolicy str | 5 dryRun *str",
    "Preconditions": "1 uid str | 2 resourceVersion str",
    "Namespace": "1 metadata ObjectMeta",
    "ConfigMap": "1 metadata ObjectMeta | 2 data map | 3 binaryData bytesmap | 4 immutable bool?",
    "Secret": "1 metadata ObjectMeta | 2 data bytesmap | 3 type str | 4 stringData map",
    "ServiceAccount": "1 metadata ObjectMeta",
    "Service": _OBJECT.format("Service"),
    "ServiceSpec": "1 ports *ServicePort | 2 selector map | 3 clusterIP str | 4 type str | "
    "5 externalIPs *str | 7 sessionAffinity str | 8 loadBalancerIP str | 10 externalName str | "
    "11 externalTrafficPolicy str | 13 publishNotReadyAddresses bool | 18 clusterIPs *str",
    "ServicePort": "1 name str | 2 protocol str | 3 port int | 4 targetPort IntOrString | "
    "5 nodePort int | 6 appProtocol str",
    "Pod": _OBJECT.format("Pod"),
    "PodTemplateSpec": "1 metadata ObjectMeta | 2 spec PodSpec",
    "PodSpec": "2 containers *Container | 3 restartPolicy str | "
    "4 terminationGracePeriodSeconds int? | 6 dnsPolicy str | 7 nodeSelector map | "
    "8 serviceAccountName str | 10 nodeName str | 11 hostNetwork bool | 16 hostname str | "
    "17 subdomain str | 19 schedulerName str | 20 initContainers *Container",
    "Container": "1 name str | 2 image str | 3 command *str | 4 args *str | 5 workingDir str | "
    "6 ports *ContainerPort | 7 env *EnvVar | 14 imagePullPolicy str",
    "ContainerPort": "1 name str | 2 hostPort int | 3 containerPort int | 4 protocol str | "
    "5 hostIP str",
    "EnvVar": "1 name str | 2 value str",
    "Deployment": _OBJECT.format("Deployment"),
    "DeploymentSpec": "1 replicas int? | 2 selector LabelSelector | 3 template PodTemplateSpec | "
    "4 strategy DeploymentStrategy | 5 minReadySeconds int | 6 revisionHistoryLimit int? | "
    "7 paused bool | 9 progressDeadlineSeconds int?",
    "DeploymentStrategy": "1 type str | 2 rollingUpdate RollingUpdate",
    "RollingUpdate": "1 maxUnavailable IntOrString | 2 maxSurge IntOrString",
    "Job": _OBJECT.format("Job"),
    "JobSpec": "1 parallelism int? | 2 completions int? | 4 selector LabelSelector | "
    "6 template PodTemplateSpec | 7 backoffLimit int?",
    "Ingress": _OBJECT.format("Ingress"),
    "IngressSpec": "1 defaultBackend IngressBackend | 2 tls *IngressTLS | 3 rules *IngressRule | "
    "4 ingressClassName str",
    "IngressTLS": "1 hosts *str | 2 secretName str",
    "IngressRule": "1 host str | 2 . +IngressRuleValue",
    "+IngressRuleValue": "1 http IngressHTTP",
    "IngressHTTP": "1 paths *IngressPath",
    "IngressPath": "1 path str | 2 backend IngressBackend | 3 pathType str",
    "IngressBackend": "4 service IngressService",
    "IngressService": "1 name str | 2 port IngressPort",
    "IngressPort": "1 name str | 2 number int",
    "Role": "1 metadata ObjectMeta | 2 rules *PolicyRule",
    "ClusterRole": "1 metadata ObjectMeta | 2 rules *PolicyRule",
    "PolicyRule": "1 verbs *str | 2 apiGroups *str | 3 resources *str | 4 resourceNames *str | "
    "5 nonResourceURLs *str",
    "RoleBinding": "1 metadata ObjectMeta | 2 subjects *Subject | 3 roleRef RoleRef",
    "ClusterRoleBinding": "1 metadata ObjectMeta | 2 subjects *Subject | 3 roleRef RoleRef",
    "Subject": "1 kind str | 2 apiGroup str | 3 name str | 4 namespace str",
    "RoleRef": "1 apiGroup str | 2 kind str | 3 name str",
    "SelfSubjectAccessReview": _OBJECT.format("AccessReview"),
    "AccessReviewSpec": "1 resourceAttributes ResourceAttributes | "
    "2 nonResourceAttributes NonResourceAttributes",
    "ResourceAttributes": "1 namespace str | 2 verb str | 3 group str | 4 version str | "
    "5 resource str | 6 subresource str | 7 name str",
    "NonResourceAttributes": "1 path str | 2 verb str",
    "SelfSubjectRulesReview": _OBJECT.format("RulesReview"),
    "RulesReviewSpec": "1 namespace str",
    "SelfSubjectReview": "1 metadata ObjectMeta",
    "TokenRequest": _OBJECT.format("TokenRequest"),
    "TokenRequestSpec": "1 audiences *str | 4 expirationSeconds int?",
    "Eviction": "1 metadata ObjectMeta | 2 deleteOptions DeleteOptions",
}


def fields(message: str) -> dict[int, tuple[str, str]]:
    """(name, type) of a message's fields by number."""
    lines = (line.split() for line in MESSAGES[message].split(" | "))
    return {int(number): (name, kind) for number, name, kind in lines}
